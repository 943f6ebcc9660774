import { readDecimal } from '../decimal.js';
import { ProtocolViolation } from '../driver.js';

/** What a server says: https://docs.nats.io/reference/reference-protocols/nats-protocol */
export const Line = { None: 0, Message: 1, Info: 2, Ping: 3, Pong: 4, Ok: 5, Error: 6 } as const;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
/** Letters of either case become small ones. */
const CASE_BIT = 0x20;
const MSG = Buffer.from('msg');
const HMSG = Buffer.from('hmsg');
/** Subject, subscription, reply, bytes of headers, bytes of all. */
const MOST_WORDS = 5;
/** Of a line: an INFO of a large cluster names all of its servers. */
const MOST_LINE_BYTES = 256 * 1024;
/** Of what one message carries: servers can be told to take that much. */
const MOST_PAYLOAD_BYTES = 64 * 1024 * 1024;
/** What headers begin with; a status follows. */
const HEADER_VERSION_BYTES = 'NATS/1.0'.length;
const STATUS_DIGITS = 3;

/** Reads what a server sends. Offsets are of the bytes that the last call of `read` was given: nothing is copied. */
export class ServerLines {
  kind: number = Line.None;
  /** Behind the verb of an INFO or an -ERR, to the end of the line. */
  textFrom = 0;
  textTo = 0;
  /** Of a message. */
  subjectFrom = 0;
  subjectTo = 0;
  /** Subscription that it comes on. */
  sid = 0;
  /** Equal: there is none. */
  replyFrom = 0;
  replyTo = 0;
  /** Equal to `payloadFrom`: there are none. */
  headersFrom = 0;
  payloadFrom = 0;
  payloadTo = 0;
  readonly #wordFrom = new Int32Array(MOST_WORDS);
  readonly #wordTo = new Int32Array(MOST_WORDS);
  #words = 0;

  /**
   * Hot path. Reads what begins at `from`, a message with its payload.
   * @returns where it ends; -1 while it is not whole
   */
  read(bytes: Buffer, from: number): number {
    switch ((bytes[from] as number) | CASE_BIT) {
      case 0x6d:
        return this.#readMessage(bytes, from, MSG);
      case 0x68:
        return this.#readMessage(bytes, from, HMSG);
      default:
        return this.#readLine(bytes, from);
    }
  }

  /** Of a message with headers: the status that a server gives in place of a payload; 0: none. */
  statusIn(bytes: Buffer): number {
    const at = this.headersFrom + HEADER_VERSION_BYTES;
    const end = at + 1 + STATUS_DIGITS;
    if (end > this.payloadFrom || bytes[at] !== SPACE) return 0;
    return Math.max(0, readDecimal(bytes, at + 1, end));
  }

  /** The words behind the status. */
  statusTextIn(bytes: Buffer): string {
    const from = this.headersFrom + HEADER_VERSION_BYTES + 1 + STATUS_DIGITS;
    const text = bytes.toString('latin1', from, this.payloadFrom);
    return text.slice(0, text.indexOf('\r'));
  }

  /** Hot path. `MSG subject sid [reply] bytes`, `HMSG subject sid [reply] header-bytes bytes`, and what they carry. */
  #readMessage(bytes: Buffer, from: number, verb: Buffer): number {
    const end = this.#splitLine(bytes, from, from + verb.length);
    if (end < 0) return -1;
    const numbers = verb === HMSG ? 2 : 1;
    const hasReply = this.#words === 3 + numbers;
    if (!hasReply && this.#words !== 2 + numbers) throw violation('a message of another form');
    for (let index = 1; index < verb.length; index += 1)
      if (((bytes[from + index] as number) | CASE_BIT) !== verb[index]) throw violation('an unknown verb');
    const total = this.#number(bytes, this.#words - 1);
    const headers = numbers === 2 ? this.#number(bytes, this.#words - 2) : 0;
    if (total < headers || headers < 0 || total > MOST_PAYLOAD_BYTES)
      throw violation('a message of no possible size');
    const start = end + 1;
    if (start + total + 2 > bytes.length) return -1;
    if (bytes[start + total] !== CR || bytes[start + total + 1] !== LF)
      throw violation('a message longer than it says');
    this.kind = Line.Message;
    this.subjectFrom = this.#wordFrom[0] as number;
    this.subjectTo = this.#wordTo[0] as number;
    this.sid = this.#number(bytes, 1);
    this.replyFrom = hasReply ? (this.#wordFrom[2] as number) : 0;
    this.replyTo = hasReply ? (this.#wordTo[2] as number) : 0;
    this.headersFrom = start;
    this.payloadFrom = start + headers;
    this.payloadTo = start + total;
    return start + total + 2;
  }

  /** Hot path. Finds the words of a line behind its verb; returns where its LF is, -1 while it is not there. */
  #splitLine(bytes: Buffer, from: number, behindVerb: number): number {
    const { length } = bytes;
    let words = 0;
    let isInWord = false;
    for (let at = behindVerb; at < length; at += 1) {
      const byte = bytes[at] as number;
      if (byte > SPACE) {
        if (isInWord) continue;
        if (words === MOST_WORDS || at === behindVerb) throw violation('a line of too many words');
        this.#wordFrom[words] = at;
        isInWord = true;
        continue;
      }
      if (isInWord) {
        this.#wordTo[words] = at;
        words += 1;
        isInWord = false;
      }
      if (byte !== LF) continue;
      this.#words = words;
      return at;
    }
    return notWhole(length - from);
  }

  #number(bytes: Buffer, word: number): number {
    return readDecimal(bytes, this.#wordFrom[word] as number, this.#wordTo[word] as number);
  }

  #readLine(bytes: Buffer, from: number): number {
    if (!'ip+-'.includes(String.fromCharCode((bytes[from] as number) | CASE_BIT)))
      throw violation('an unknown verb');
    const end = bytes.indexOf(LF, from);
    if (end < 0) return notWhole(bytes.length - from);
    const line = bytes.toString('latin1', from, Math.min(end, from + 5)).trimEnd();
    const verb = line.toUpperCase();
    if (verb === 'PING') this.kind = Line.Ping;
    else if (verb === 'PONG') this.kind = Line.Pong;
    else if (verb === '+OK') this.kind = Line.Ok;
    else if (verb === 'INFO') this.kind = Line.Info;
    else if (verb === '-ERR') this.kind = Line.Error;
    else throw violation('an unknown verb');
    this.textFrom = Math.min(end, from + verb.length);
    this.textTo = end;
    return end + 1;
  }
}

/** -1: the rest of a line may still come. */
function notWhole(bytes: number): number {
  if (bytes > MOST_LINE_BYTES) throw violation('a line without an end');
  return -1;
}

function violation(what: string): ProtocolViolation {
  return new ProtocolViolation('ServerProtocolError', `the server sent ${what}`);
}
