import {
  ACK,
  emptySegment,
  FIN,
  HEADERS_BYTES,
  PSH,
  RST,
  readSegment,
  type Segment,
  SYN,
  writeSegment,
} from '../../loadgen/transports/packets/segment.js';

const TIMEOUT_MS = 300;
const MSS = 1460;

/** What a peer sends on purpose, beside what TCP makes it send. */
export interface Crafted {
  flags: number;
  /** Relative to what the client expects next. */
  offset?: number;
  /** Relative to what the peer has received. */
  acknowledgmentOffset?: number;
  data?: Buffer;
  window?: number;
}

/**
 * The server's end of one connection, for tests without a kernel: takes data in order, sends again on a time-out, and
 * closes when the client does. Time is what the test says.
 */
export class TcpPeer {
  received: Buffer = Buffer.alloc(0);
  isReset = false;
  hasClientEnded = false;
  /** Flags of every segment that came, oldest first. */
  readonly flagsIn: number[] = [];
  readonly segmentsIn: Segment[] = [];
  window = 65_535;
  /** The largest segment that it says it takes; 0: it says nothing of that. */
  mss = MSS;
  readonly #write: (packet: Buffer, bytes: number) => void;
  readonly #packet = Buffer.alloc(HEADERS_BYTES + MSS + 4);
  #client: Segment | undefined;
  #next = 0;
  #initial = 0;
  #acknowledged = 0;
  #sent = 0;
  #isEstablished = false;
  #isClosing = false;
  #toSend: Buffer;
  #dueMs = Number.POSITIVE_INFINITY;
  #nowMs = 0;

  /** @param toSend what it says once the connection stands; @param initial its first sequence number */
  constructor(toSend: Buffer, initial: number, write: (packet: Buffer, bytes: number) => void) {
    this.#toSend = toSend;
    this.#initial = initial >>> 0;
    this.#write = write;
  }

  take(packet: Buffer, bytes: number): void {
    const segment = emptySegment();
    if (!readSegment(packet, bytes, segment)) throw new Error('the client sent what is no segment');
    this.flagsIn.push(segment.flags);
    this.segmentsIn.push(segment);
    if ((segment.flags & RST) !== 0) {
      this.isReset = true;
      this.#dueMs = Number.POSITIVE_INFINITY;
      return;
    }
    if ((segment.flags & SYN) !== 0) {
      // One that was on its way for long is of no connection that is yet to come.
      if (this.#isEstablished) return;
      this.#client = segment;
      this.#next = (segment.sequence + 1) >>> 0;
      this.#emit(SYN | ACK, this.#initial, undefined, this.mss);
      this.#dueMs = this.#nowMs + TIMEOUT_MS;
      return;
    }
    const acknowledged = (segment.acknowledgment - this.#initial - 1) | 0;
    if (acknowledged >= 0) this.#isEstablished = true;
    this.#acknowledged = Math.max(this.#acknowledged, acknowledged);
    this.#takeData(segment, packet);
    this.#sendWaiting();
  }

  /** The peer closes its side behind what it has to say. */
  close(): void {
    this.#isClosing = true;
    this.#sendWaiting();
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (nowMs < this.#dueMs || !this.#client || this.isReset) return;
    if (!this.#isEstablished) {
      this.#emit(SYN | ACK, this.#initial, undefined, this.mss);
    } else {
      this.#sent = this.#acknowledged;
      this.#sendWaiting();
    }
    this.#dueMs = nowMs + TIMEOUT_MS;
  }

  /** Sends a segment that TCP would not have sent now. */
  craft({ flags, offset = 0, acknowledgmentOffset = 0, data, window }: Crafted): void {
    const before = this.window;
    if (window !== undefined) this.window = window;
    this.#next = (this.#next + acknowledgmentOffset) >>> 0;
    this.#emit(flags, this.#initial + 1 + this.#acknowledged + offset, data, 0);
    this.#next = (this.#next - acknowledgmentOffset) >>> 0;
    this.window = before;
  }

  #takeData(segment: Segment, packet: Buffer): void {
    const skip = (this.#next - segment.sequence) | 0;
    const length = segment.dataEnd - segment.dataStart;
    const hasFin = (segment.flags & FIN) !== 0;
    if (length === 0 && !hasFin) return;
    if (skip >= 0 && skip <= length && !this.hasClientEnded) {
      const data = Buffer.from(packet.subarray(segment.dataStart + skip, segment.dataEnd));
      this.received = Buffer.concat([this.received, data]);
      this.#next = (this.#next + data.length) >>> 0;
      if (hasFin) {
        this.hasClientEnded = true;
        this.#isClosing = true;
        this.#next = (this.#next + 1) >>> 0;
      }
    }
    this.#emit(ACK, this.#initial + 1 + this.#sent, undefined, 0);
  }

  #sendWaiting(): void {
    if (!this.#isEstablished || this.isReset) return;
    while (this.#sent < this.#toSend.length) {
      const data = this.#toSend.subarray(this.#sent, this.#sent + MSS);
      this.#emit(ACK | PSH, this.#initial + 1 + this.#sent, data, 0);
      this.#sent += data.length;
    }
    if (this.#isClosing && this.#sent === this.#toSend.length) {
      this.#emit(ACK | FIN, this.#initial + 1 + this.#sent, undefined, 0);
      this.#sent += 1;
    }
    const all = this.#toSend.length + (this.#isClosing ? 1 : 0);
    this.#dueMs = this.#acknowledged < all ? this.#nowMs + TIMEOUT_MS : Number.POSITIVE_INFINITY;
  }

  #emit(flags: number, sequence: number, data: Buffer | undefined, mss: number): void {
    const client = this.#client as Segment;
    if (data) this.#packet.set(data, HEADERS_BYTES);
    const segment: Segment = {
      ...emptySegment(),
      sourceAddress: client.destinationAddress,
      sourcePort: client.destinationPort,
      destinationAddress: client.sourceAddress,
      destinationPort: client.sourcePort,
      sequence: sequence >>> 0,
      acknowledgment: this.#next,
      flags,
      window: this.window,
    };
    this.#write(this.#packet, writeSegment(this.#packet, segment, data?.length ?? 0, mss));
  }
}
