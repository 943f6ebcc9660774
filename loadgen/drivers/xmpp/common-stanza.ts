import { ABSENT, numberIn } from './byte-text.js';
import { Byte, type ElementScanner } from './element-scanner.js';
import { Namespace } from './namespaces.js';
import { TagReader } from './tag-reader.js';
import { childOf, type XmlElement } from './xml-element.js';

/** What there is most of. */
export const Kind = { Other: 0, Message: 1, Acknowledgement: 2, AcknowledgementRequest: 3 } as const;

/** Places of texts in `bytes`, ABSENT where there are none. */
export class MessageParts {
  bytes: Buffer = Buffer.alloc(0);
  fromStart = ABSENT;
  fromEnd = ABSENT;
  idStart = ABSENT;
  idEnd = ABSENT;
  /** Id of the message that has been received by the other. */
  receivedStart = ABSENT;
  receivedEnd = ABSENT;
  wantsReceipt = false;
  isFromRoom = false;
  body: string | undefined;

  /** Hot path. */
  clear(bytes: Buffer): void {
    this.bytes = bytes;
    this.fromStart = ABSENT;
    this.idStart = ABSENT;
    this.body = undefined;
    this.receivedStart = ABSENT;
    this.wantsReceipt = false;
    this.isFromRoom = false;
  }

  /** From a message that was read as XML. */
  take(message: XmlElement): void {
    const received = childOf(message, Namespace.Receipts, 'received')?.attributes.get('id');
    const from = Buffer.from(message.attributes.get('from') ?? '');
    const id = Buffer.from(message.attributes.get('id') ?? '');
    this.clear(Buffer.concat([from, id, Buffer.from(received ?? '')]));
    const fromEnd = from.length;
    const idEnd = fromEnd + id.length;
    if (message.attributes.has('from')) [this.fromStart, this.fromEnd] = [0, fromEnd];
    if (message.attributes.has('id')) [this.idStart, this.idEnd] = [fromEnd, idEnd];
    this.body = childOf(message, Namespace.Client, 'body')?.text;
    if (received !== undefined) [this.receivedStart, this.receivedEnd] = [idEnd, this.bytes.length];
    this.wantsReceipt = childOf(message, Namespace.Receipts, 'request') !== undefined;
    this.isFromRoom = message.attributes.get('type') === 'groupchat';
  }
}

/**
 * Reads stanzas of the form that nearly all of a load have, at a fraction of a parser's cost: default namespaces, no
 * entities in what matters. Whatever is not certainly of that form is left to the parser, which then also says what is
 * wrong with it.
 */
export class CommonStanzaReader {
  readonly #tag = new TagReader();
  readonly message = new MessageParts();
  /** Of an acknowledgement: stanzas that the server has handled. */
  handled = 0;

  /** Hot path. What it is; `Other`: for the parser. @param scanner has just found it */
  read(bytes: Buffer, scanner: ElementScanner): number {
    if (scanner.hasCdata || !scanner.hasAllTags) return Kind.Other;
    this.#begin(bytes, scanner, 0);
    if (this.#tag.isNamed('message')) return this.#readMessage(bytes, scanner) ? Kind.Message : Kind.Other;
    if (scanner.tags > 1) return Kind.Other;
    if (this.#tag.isNamed('r')) return this.#readRequest();
    return this.#tag.isNamed('a') ? this.#readAcknowledgement(bytes) : Kind.Other;
  }

  /** Hot path. False: it is uncommon. An error is, as few are. */
  #readMessage(bytes: Buffer, scanner: ElementScanner): boolean {
    const tag = this.#tag;
    const { message } = this;
    message.clear(bytes);
    while (tag.next()) {
      if (tag.isAttribute('from')) {
        message.fromStart = tag.valueStart;
        message.fromEnd = tag.valueEnd;
      } else if (tag.isAttribute('id')) {
        message.idStart = tag.valueStart;
        message.idEnd = tag.valueEnd;
      } else if (tag.isAttribute('type')) {
        message.isFromRoom = tag.isValue('groupchat');
        if (tag.isValue('error')) return false;
      } else if (!tag.isAttribute('to') && !tag.isAttribute('xml:lang')) {
        if (!tag.isAttribute('xmlns') || !tag.isValue(Namespace.Client)) return false;
      }
    }
    return !tag.isUncommon && this.#readChildren(bytes, scanner);
  }

  /** Hot path. */
  #readChildren(bytes: Buffer, scanner: ElementScanner): boolean {
    const tag = this.#tag;
    for (let index = 1; index < scanner.tags - 1; index += 1) {
      const isSelfClosing = this.#isSelfClosing(bytes, scanner, index);
      this.#begin(bytes, scanner, index);
      if (tag.isNamed('body')) {
        if (isSelfClosing || !this.#readBody(bytes, scanner, index)) return false;
        index += 1;
      } else if (tag.isNamed('request') || tag.isNamed('received')) {
        if (!isSelfClosing || !this.#readReceipt(tag.isNamed('received'))) return false;
      } else {
        if (tag.hasPrefix()) return false;
        if (!isSelfClosing) index = this.#skip(bytes, scanner, index);
      }
    }
    return true;
  }

  /** Hot path. */
  #readBody(bytes: Buffer, scanner: ElementScanner, index: number): boolean {
    const tag = this.#tag;
    const { message } = this;
    // One of another namespace, or a second one in another language.
    if (tag.next() || tag.isUncommon || message.body !== undefined) return false;
    const end = scanner.tagStarts[index + 1] as number;
    this.#begin(bytes, scanner, index + 1);
    if (bytes[end + 1] !== Byte.Slash || !tag.isNamed('body')) return false;
    // What matters of it is Base64, so that its bytes are characters.
    message.body = bytes.toString('latin1', scanner.tagEnds[index], end);
    return !message.body.includes('&');
  }

  /** Hot path. */
  #readReceipt(isReceived: boolean): boolean {
    const tag = this.#tag;
    const { message } = this;
    if (isReceived && message.receivedStart !== ABSENT) return false;
    let isOfReceipts = false;
    while (tag.next()) {
      if (tag.isAttribute('xmlns')) {
        isOfReceipts = tag.isValue(Namespace.Receipts);
      } else if (isReceived && tag.isAttribute('id')) {
        message.receivedStart = tag.valueStart;
        message.receivedEnd = tag.valueEnd;
      } else return false;
    }
    if (!isReceived) message.wantsReceipt = isOfReceipts;
    return isOfReceipts && !tag.isUncommon;
  }

  /** Hot path. Index of the tag that closes the one at `index`. */
  #skip(bytes: Buffer, scanner: ElementScanner, index: number): number {
    let depth = 1;
    let at = index;
    while (depth > 0 && at < scanner.tags - 2) {
      at += 1;
      if (bytes[(scanner.tagStarts[at] as number) + 1] === Byte.Slash) depth -= 1;
      else if (!this.#isSelfClosing(bytes, scanner, at)) depth += 1;
    }
    return at;
  }

  #readRequest(): number {
    return this.#hasOnlyManagement() ? Kind.AcknowledgementRequest : Kind.Other;
  }

  #readAcknowledgement(bytes: Buffer): number {
    this.handled = ABSENT;
    const tag = this.#tag;
    let isOfManagement = false;
    while (tag.next()) {
      if (tag.isAttribute('h')) this.handled = numberIn(bytes, tag.valueStart, tag.valueEnd);
      else if (tag.isAttribute('xmlns')) isOfManagement = tag.isValue(Namespace.Management);
      else return Kind.Other;
    }
    const isCommon = isOfManagement && !tag.isUncommon && this.handled !== ABSENT;
    return isCommon ? Kind.Acknowledgement : Kind.Other;
  }

  #hasOnlyManagement(): boolean {
    const tag = this.#tag;
    return (
      tag.next() &&
      tag.isAttribute('xmlns') &&
      tag.isValue(Namespace.Management) &&
      !tag.next() &&
      !tag.isUncommon
    );
  }

  #begin(bytes: Buffer, scanner: ElementScanner, index: number): void {
    this.#tag.begin(bytes, scanner.tagStarts[index] as number, scanner.tagEnds[index] as number);
  }

  #isSelfClosing(bytes: Buffer, scanner: ElementScanner, index: number): boolean {
    return bytes[(scanner.tagEnds[index] as number) - 2] === Byte.Slash;
  }
}
