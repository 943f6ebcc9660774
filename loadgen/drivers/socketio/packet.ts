import { readDecimal } from '../decimal.js';
import { ProtocolViolation } from '../driver.js';

/** Of Engine.IO 4, as they are on the wire: ASCII digits. */
export const EnginePacket = {
  Open: 0x30,
  Close: 0x31,
  Ping: 0x32,
  Pong: 0x33,
  Message: 0x34,
  Upgrade: 0x35,
  Noop: 0x36,
} as const;

/** Of Socket.IO 5, in a message of Engine.IO. */
export const SocketPacket = {
  Connect: 0x30,
  Disconnect: 0x31,
  Event: 0x32,
  Ack: 0x33,
  ConnectError: 0x34,
  BinaryEvent: 0x35,
  BinaryAck: 0x36,
} as const;

const SLASH = 0x2f;
const COMMA = 0x2c;
const DASH = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** A server that announces more has gone mad. */
const MOST_ATTACHMENTS = 1000;

/** Reads a packet of Socket.IO: `<type>[<attachments>-][<namespace>,][<id>][<JSON>]`. */
export class PacketReader {
  readonly #namespace: Buffer;
  type = 0;
  /** Messages in binary that follow. */
  attachments = 0;
  /** It is of the namespace of our clients. */
  isOurs = false;
  /** -1: it has none. */
  id = -1;
  /** Where its JSON begins. */
  dataFrom = 0;

  constructor(namespace: string) {
    this.#namespace = Buffer.from(namespace);
  }

  /**
   * Hot path. Reads the packet that begins at `from`.
   * @throws ProtocolViolation
   */
  read(bytes: Buffer, from: number): void {
    if (from >= bytes.length) throw violation('a packet without a type');
    this.type = bytes[from] as number;
    let at = from + 1;
    this.attachments = 0;
    if (this.type === SocketPacket.BinaryEvent || this.type === SocketPacket.BinaryAck) {
      const end = behindDigits(bytes, at);
      this.attachments = readDecimal(bytes, at, end);
      if (bytes[end] !== DASH || this.attachments < 1 || this.attachments > MOST_ATTACHMENTS)
        throw violation('a packet with no possible number of attachments');
      at = end + 1;
    }
    at = this.#readNamespace(bytes, at);
    const end = behindDigits(bytes, at);
    this.id = end > at ? readDecimal(bytes, at, end) : -1;
    this.dataFrom = end;
  }

  /** Hot path. A packet of the namespace / does not name it. */
  #readNamespace(bytes: Buffer, from: number): number {
    const own = this.#namespace;
    if (bytes[from] !== SLASH) {
      this.isOurs = own.length === 1;
      return from;
    }
    const comma = bytes.indexOf(COMMA, from);
    const end = comma < 0 ? bytes.length : comma;
    this.isOurs = end - from === own.length && bytes.compare(own, 0, own.length, from, end) === 0;
    return Math.min(end + 1, bytes.length);
  }
}

/** Hot path. */
function behindDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at += 1;
  return at;
}

export function violation(what: string): ProtocolViolation {
  return new ProtocolViolation('ServerProtocolError', `the server sent ${what}`);
}
