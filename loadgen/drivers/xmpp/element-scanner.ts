import { ProtocolViolation } from '../driver.js';

export const Byte = {
  Tab: 0x09,
  LineFeed: 0x0a,
  Return: 0x0d,
  Space: 0x20,
  Bang: 0x21,
  Quote: 0x22,
  Ampersand: 0x26,
  Apostrophe: 0x27,
  Slash: 0x2f,
  Colon: 0x3a,
  Less: 0x3c,
  Equals: 0x3d,
  Greater: 0x3e,
  Question: 0x3f,
} as const;

export const NOT_YET = -1;

const CDATA = Buffer.from('<![CDATA[');
const CDATA_END = Buffer.from(']]>');

/** Tags whose places are kept: messages of the common form have fewer. */
const MOST_TAGS = 32;
/** Stanzas nest a few deep; a parser's cost grows with the square of it. */
const MOST_DEPTH = 64;

/**
 * Finds where an element of a stream ends, by its tags alone: names are compared, and entities resolved, by whoever
 * reads it. Where the tags are is kept until the next scan.
 */
export class ElementScanner {
  readonly tagStarts = new Int32Array(MOST_TAGS);
  /** Behind the `>`. */
  readonly tagEnds = new Int32Array(MOST_TAGS);
  /** May be more than there is room for: then the places of the last ones are not kept. */
  tags = 0;
  hasCdata = false;

  /**
   * Hot path.
   * @param from where the `<` of the element is
   * @returns where the element ends, or NOT_YET; a closing tag is an element of its own
   * @throws ProtocolViolation for what XMPP forbids in XML (RFC 6120, section 11.1)
   */
  scan(bytes: Buffer, from: number): number {
    this.tags = 0;
    this.hasCdata = false;
    let depth = 0;
    for (let at = from; at !== NOT_YET; at = bytes.indexOf(Byte.Less, at)) {
      const next = bytes[at + 1];
      if (next === undefined) return NOT_YET;
      if (next === Byte.Bang) {
        if (depth === 0) throw new ProtocolViolation('RestrictedXml', 'a declaration between elements');
        at = cdataEnd(bytes, at);
        if (at === NOT_YET) return NOT_YET;
        this.hasCdata = true;
        continue;
      }
      if (next === Byte.Question) throw new ProtocolViolation('RestrictedXml', 'a processing instruction');
      const end = tagEnd(bytes, at + 1);
      if (end === NOT_YET) return NOT_YET;
      if (this.tags < MOST_TAGS) {
        this.tagStarts[this.tags] = at;
        this.tagEnds[this.tags] = end;
      }
      this.tags += 1;
      if (next === Byte.Slash) depth -= 1;
      else if (bytes[end - 2] !== Byte.Slash) depth += 1;
      if (depth <= 0) return end;
      if (depth > MOST_DEPTH) throw new ProtocolViolation('NestedTooDeep', `more than ${MOST_DEPTH} levels`);
      at = end;
    }
    return NOT_YET;
  }

  /** Whether the places of all tags are kept. */
  get hasAllTags(): boolean {
    return this.tags <= MOST_TAGS;
  }
}

/**
 * Hot path. Where the tag ends that begins before `at`; a `>` between quotes ends none.
 * @returns behind its `>`, or NOT_YET
 */
export function tagEnd(bytes: Buffer, at: number): number {
  const { length } = bytes;
  for (let index = at; index < length; index += 1) {
    const byte = bytes[index];
    if (byte === Byte.Greater) return index + 1;
    if (byte === Byte.Less) throw new ProtocolViolation('NotWellFormed', 'a tag within a tag');
    if (byte !== Byte.Apostrophe && byte !== Byte.Quote) continue;
    do index += 1;
    while (index < length && bytes[index] !== byte);
  }
  return NOT_YET;
}

/** Where the character data ends whose beginning is at `from`, or NOT_YET. Comments and declarations are forbidden. */
function cdataEnd(bytes: Buffer, from: number): number {
  const available = Math.min(CDATA.length, bytes.length - from);
  if (CDATA.compare(bytes, from, from + available, 0, available) !== 0)
    throw new ProtocolViolation('RestrictedXml', 'a comment or a declaration');
  if (available < CDATA.length) return NOT_YET;
  const end = bytes.indexOf(CDATA_END, from + CDATA.length);
  return end < 0 ? NOT_YET : end + CDATA_END.length;
}

export function isBlank(byte: number): boolean {
  return byte === Byte.Space || byte === Byte.LineFeed || byte === Byte.Return || byte === Byte.Tab;
}
