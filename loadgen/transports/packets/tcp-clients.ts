import { noTcp, type TcpCounters } from '../../../record/tcp-counters.js';
import { CLIENTS_AN_ADDRESS } from './packet-addresses.js';
import { RetransmissionWheel } from './retransmission-wheel.js';
import {
  ACK,
  emptySegment,
  FIN,
  HEADERS_BYTES,
  PSH,
  RST,
  readMss,
  readSegment,
  readTooBig,
  type Segment,
  SYN,
  writeSegment,
} from './segment.js';

/** States of RFC 9293, section 3.3.2, as far as a client comes; TIME-WAIT is left to the server's kernel. */
const State = {
  Closed: 0,
  SynSent: 1,
  Established: 2,
  FinWait1: 3,
  FinWait2: 4,
  Closing: 5,
  LastAck: 6,
} as const;

/** Of Ethernet, without options. */
const MOST_MSS = 1460;
/** What a peer or a router may bring it down to: with less, headers would be all that is sent. */
const LEAST_MSS = 88;
/** What we advertise: data is handed on at once, so it is always the same. */
const RECEIVE_WINDOW = 65_535;
const FIRST_SYN_TIMEOUT_MS = 1000;
const FIRST_DATA_TIMEOUT_MS = 1000;
/** An acknowledgment waits at most this long for data to carry it; a kernel repeats after 200 ms at the earliest. */
const DELAYED_ACK_MS = 40;
const LONGEST_TIMEOUT_MS = 10_000;
const MOST_SYN_RETRIES = 5;
const MOST_RETRIES = 10;
/** What waits for the peer's window or its acknowledgment; a client that says more is cut off. */
const SEND_BUFFER_BYTES = 262_144;
/** Ports of one client: a new connection takes the next of them, so that it meets no TIME-WAIT of its last. */
const PORTS_A_CLIENT = 8;
const FIRST_PORT = 2048;

/** Takes packets to the peer. The buffer is reused after the call. */
export interface Wire {
  write(packet: Buffer, bytes: number): void;
}

export interface TcpListener {
  opened(client: number): void;
  /** Hot path. `bytes` are valid during the call only. */
  received(client: number, bytes: Buffer): void;
  closed(client: number, reason: string): void;
}

/**
 * TCP clients, each an index into these arrays; an idle one has no object. Behaviour after RFC 9293 (sections 3.5 to
 * 3.10), without the options that a messenger can do without: no window scaling, SACK or timestamps. Segments that
 * come out of order are dropped and acknowledged with what was expected: the peer sends them again.
 */
export class TcpClients {
  readonly counters: TcpCounters = noTcp();
  readonly #firstAddress: number;
  readonly #wire: Wire;
  readonly #listener: TcpListener;
  readonly #random: () => number;
  /** The largest segment that we take, and the largest that everybody on the other side and on the way there takes. */
  readonly #receiveMss: number;
  #sendMss: number;
  readonly #state: Uint8Array;
  /** Which of its ports a client uses. */
  readonly #generation: Uint8Array;
  readonly #retries: Uint8Array;
  readonly #peerAddress: Uint32Array;
  readonly #peerPort: Uint16Array;
  /** SND.UNA, SND.NXT, SND.WND and RCV.NXT. */
  readonly #sendUnacknowledged: Uint32Array;
  readonly #sendNext: Uint32Array;
  readonly #sendWindow: Uint16Array;
  readonly #receiveNext: Uint32Array;
  readonly #owesAck: Uint8Array;
  /** Clients that owe an acknowledgment since half of the delay, and since longer. */
  #owing: number[] = [];
  #owingLonger: number[] = [];
  #nextAcknowledgeMs = 0;
  /** Bytes from SND.UNA on, of the few clients that have any; and those that are to close behind them. */
  readonly #unacknowledged = new Map<number, Buffer>();
  readonly #isEnding = new Set<number>();
  readonly #wheel: RetransmissionWheel;
  readonly #in: Segment = emptySegment();
  readonly #out: Segment = emptySegment();
  readonly #packet = Buffer.alloc(HEADERS_BYTES + MOST_MSS + 4);

  /**
   * @param firstAddress client i dials from address `firstAddress + floor(i / 4096)`
   * @param mss bytes of the largest segment that the way takes; at most 1460
   * @param random 0 to 1, for initial sequence numbers
   */
  constructor(
    clients: number,
    firstAddress: number,
    wire: Wire,
    listener: TcpListener,
    nowMs: number,
    mss = MOST_MSS,
    random: () => number = Math.random,
  ) {
    this.#firstAddress = firstAddress;
    this.#wire = wire;
    this.#listener = listener;
    this.#random = random;
    this.#receiveMss = mss;
    this.#sendMss = mss;
    this.#state = new Uint8Array(clients);
    this.#generation = new Uint8Array(clients);
    this.#retries = new Uint8Array(clients);
    this.#peerAddress = new Uint32Array(clients);
    this.#peerPort = new Uint16Array(clients);
    this.#sendUnacknowledged = new Uint32Array(clients);
    this.#sendNext = new Uint32Array(clients);
    this.#sendWindow = new Uint16Array(clients);
    this.#receiveNext = new Uint32Array(clients);
    this.#owesAck = new Uint8Array(clients);
    this.#wheel = new RetransmissionWheel(clients, nowMs);
  }

  open(client: number, peerAddress: number, peerPort: number): void {
    const first = Math.floor(this.#random() * 0x1_0000_0000) >>> 0;
    this.#generation[client] = ((this.#generation[client] as number) + 1) % PORTS_A_CLIENT;
    this.#peerAddress[client] = peerAddress;
    this.#peerPort[client] = peerPort;
    this.#state[client] = State.SynSent;
    this.#retries[client] = 0;
    this.#sendUnacknowledged[client] = first;
    this.#sendNext[client] = (first + 1) >>> 0;
    this.#sendWindow[client] = 0;
    this.#receiveNext[client] = 0;
    this.#emit(client, SYN, first, 0, undefined, this.#receiveMss);
    this.#wheel.arm(client, FIRST_SYN_TIMEOUT_MS);
  }

  /** Hot path. Copies `bytes`; past what may wait, the client is reset with `SendBufferFull`. */
  send(client: number, bytes: Buffer): void {
    if (this.#state[client] !== State.Established && this.#state[client] !== State.SynSent) return;
    if (this.#isEnding.has(client)) return;
    const before = this.#unacknowledged.get(client);
    if ((before?.length ?? 0) + bytes.length > SEND_BUFFER_BYTES) {
      this.#reset(client, 'SendBufferFull');
      return;
    }
    this.#unacknowledged.set(client, before ? Buffer.concat([before, bytes]) : Buffer.from(bytes));
    this.#sendWhatFits(client);
  }

  /** Closes behind everything that was sent. */
  end(client: number): void {
    const state = this.#state[client];
    if (state === State.SynSent) this.#reset(client, 'Cut');
    if (state !== State.Established || this.#isEnding.has(client)) return;
    this.#isEnding.add(client);
    this.#sendWhatFits(client);
  }

  /** Resets the connection. */
  cut(client: number): void {
    if (this.#state[client] !== State.Closed) this.#reset(client, 'Cut');
  }

  /** Hot path. Takes a packet off the wire. */
  take(packet: Buffer, bytes: number): void {
    const segment = this.#in;
    if (!readSegment(packet, bytes, segment)) {
      if (!this.#takeTooBig(packet, bytes)) this.counters.malformed += 1;
      return;
    }
    this.counters.segmentsIn += 1;
    const client = this.#clientOf(segment);
    if (client < 0 || this.#state[client] === State.Closed) this.#refuse(segment);
    else if (this.#state[client] === State.SynSent) this.#takeInSynSent(client, segment, packet);
    else this.#takeInOrder(client, segment, packet);
  }

  /** Once a turn: sends the acknowledgments that no data has carried in time (section 3.8.6.3). */
  acknowledge(nowMs: number): void {
    if (nowMs < this.#nextAcknowledgeMs) return;
    this.#nextAcknowledgeMs = nowMs + DELAYED_ACK_MS / 2;
    const owing = this.#owingLonger;
    this.#owingLonger = this.#owing;
    this.#owing = [];
    for (const client of owing) if (this.#owesAck[client] === 1) this.#acknowledge(client);
  }

  /** Once a turn: repeats what has timed out. */
  expire(nowMs: number): void {
    this.#wheel.advance(nowMs, this.#onTimeout);
  }

  /** A router could not pass on a segment: all are smaller from now on. False: the packet does not say that. */
  #takeTooBig(packet: Buffer, bytes: number): boolean {
    const largestPacket = readTooBig(packet, bytes, this.#in);
    const client = largestPacket === 0 ? -1 : this.#clientOf(this.#in);
    if (client < 0) return false;
    const before = this.#sendMss;
    this.#limitSegments(largestPacket - HEADERS_BYTES);
    // What was sent in the larger ones is lost; of other clients, their time-outs find out.
    if (this.#sendMss < before && this.#unacknowledged.has(client)) {
      this.#retries[client] = Math.max(1, this.#retries[client] as number);
      this.#retransmit(client);
    }
    return true;
  }

  /** One limit for all: the peers of a run are the same, and so is the way to them. */
  #limitSegments(bytes: number): void {
    this.#sendMss = Math.max(LEAST_MSS, Math.min(this.#sendMss, bytes));
  }

  #clientOf(segment: Segment): number {
    const port = segment.destinationPort - FIRST_PORT;
    const address = segment.destinationAddress - this.#firstAddress;
    if (port < 0 || address < 0) return -1;
    const client = address * CLIENTS_AN_ADDRESS + Math.floor(port / PORTS_A_CLIENT);
    if (port >= CLIENTS_AN_ADDRESS * PORTS_A_CLIENT || client >= this.#state.length) return -1;
    const isCurrent =
      this.#generation[client] === port % PORTS_A_CLIENT &&
      this.#peerPort[client] === segment.sourcePort &&
      this.#peerAddress[client] === segment.sourceAddress;
    return isCurrent ? client : -1;
  }

  /** Section 3.10.7.1: whatever comes for no connection is answered with a reset, so that the peer forgets it. */
  #refuse(segment: Segment): void {
    if ((segment.flags & RST) !== 0) return;
    const hasAck = (segment.flags & ACK) !== 0;
    const length = lengthOf(segment);
    const out = this.#out;
    out.sourceAddress = segment.destinationAddress;
    out.sourcePort = segment.destinationPort;
    out.destinationAddress = segment.sourceAddress;
    out.destinationPort = segment.sourcePort;
    out.sequence = hasAck ? segment.acknowledgment : 0;
    out.acknowledgment = hasAck ? 0 : (segment.sequence + length) >>> 0;
    out.flags = hasAck ? RST : RST | ACK;
    out.window = 0;
    this.counters.resetsOut += 1;
    this.#write(0, 0);
  }

  /** Section 3.10.7.3, without the simultaneous open, which no listening server does. */
  #takeInSynSent(client: number, segment: Segment, packet: Buffer): void {
    const hasAck = (segment.flags & ACK) !== 0;
    if (hasAck && segment.acknowledgment !== this.#sendNext[client]) {
      // A connection of an earlier life with the same ports.
      this.#refuse(segment);
      return;
    }
    if ((segment.flags & RST) !== 0) {
      if (!hasAck) return;
      this.counters.resetsIn += 1;
      this.#close(client, 'ECONNREFUSED');
      return;
    }
    if ((segment.flags & SYN) === 0 || !hasAck) return;
    this.#state[client] = State.Established;
    this.#receiveNext[client] = segment.sequence + 1;
    this.#sendUnacknowledged[client] = segment.acknowledgment;
    this.#sendWindow[client] = segment.window;
    this.#limitSegments(readMss(packet, segment));
    this.#retries[client] = 0;
    this.#wheel.disarm(client);
    this.#oweAck(client);
    this.#sendWhatFits(client);
    this.#listener.opened(client);
  }

  /** Section 3.10.7.4. */
  #takeInOrder(client: number, segment: Segment, packet: Buffer): void {
    const expected = this.#receiveNext[client] as number;
    // How far the segment begins behind (negative) or beyond (positive) what is expected.
    const offset = distance(segment.sequence, expected);
    const length = lengthOf(segment);
    if ((segment.flags & RST) !== 0) {
      if (offset < 0 || offset >= RECEIVE_WINDOW) return;
      this.counters.resetsIn += 1;
      this.#close(client, 'ECONNRESET');
      return;
    }
    if (offset > 0 || (segment.flags & SYN) !== 0) {
      if (offset > 0) this.counters.outOfOrder += 1;
      this.#acknowledge(client);
      return;
    }
    // Old data, a keep-alive, or a repeated SYN-ACK: the peer has not heard our acknowledgment.
    const isOld = offset < 0 && offset + length <= 0;
    if (!this.#takeAck(client, segment)) return;
    if (isOld) {
      this.#acknowledge(client);
      return;
    }
    this.#takeData(client, segment, packet, -offset);
  }

  /** False where the connection ended with it, or the segment is not to be looked at further. */
  #takeAck(client: number, segment: Segment): boolean {
    if ((segment.flags & ACK) === 0) return false;
    const acknowledged = distance(segment.acknowledgment, this.#sendUnacknowledged[client] as number);
    const outstanding = distance(
      this.#sendNext[client] as number,
      this.#sendUnacknowledged[client] as number,
    );
    if (acknowledged > outstanding) {
      this.#acknowledge(client);
      return false;
    }
    if (acknowledged >= 0) {
      if (segment.window === 0 && this.#sendWindow[client] !== 0) this.counters.zeroWindows += 1;
      this.#sendWindow[client] = segment.window;
    }
    if (acknowledged > 0) {
      this.#sendUnacknowledged[client] = segment.acknowledgment;
      this.#dropAcknowledged(client, acknowledged);
      const wasRetried = (this.#retries[client] as number) > 0;
      this.#retries[client] = 0;
      this.#wheel.disarm(client);
      if (acknowledged === outstanding) {
        if (!this.#finWasAcknowledged(client)) return false;
      } else {
        this.#wheel.arm(client, FIRST_DATA_TIMEOUT_MS);
        // The rest of a burst is likely lost as well: it does not wait for time-outs of its own.
        if (wasRetried) this.#retransmit(client);
      }
    }
    this.#sendWhatFits(client);
    return true;
  }

  /** Everything is acknowledged, our FIN too if there was one. False where that ends the connection. */
  #finWasAcknowledged(client: number): boolean {
    switch (this.#state[client]) {
      case State.FinWait1:
        this.#state[client] = State.FinWait2;
        // A peer that never closes its side is given up like one that never answers.
        this.#wheel.arm(client, LONGEST_TIMEOUT_MS);
        return true;
      case State.LastAck:
        // Our FIN waits behind data that the peer's window did not take yet.
        if (this.#unacknowledged.has(client)) return true;
        this.#close(client, 'PeerClosed');
        return false;
      case State.Closing:
        this.#close(client, 'PeerClosed');
        return false;
    }
    return true;
  }

  #takeData(client: number, segment: Segment, packet: Buffer, skip: number): void {
    const dataBytes = segment.dataEnd - segment.dataStart - skip;
    const hasFin = (segment.flags & FIN) !== 0;
    if (dataBytes > 0) {
      const isSecond = this.#owesAck[client] === 1 && dataBytes >= this.#sendMss;
      this.#receiveNext[client] = (this.#receiveNext[client] as number) + dataBytes;
      // Every second segment of full size is acknowledged at once: the peer waits for it before it sends more.
      if (isSecond) this.#acknowledge(client);
      else this.#oweAck(client);
    }
    const generation = this.#generation[client];
    // Both may be overwritten by what the listener does.
    const { dataStart, dataEnd } = segment;
    if (dataBytes > 0) this.#listener.received(client, packet.subarray(dataStart + skip, dataEnd));
    if (!hasFin || this.#generation[client] !== generation || this.#state[client] === State.Closed) return;
    this.#receiveNext[client] = (this.#receiveNext[client] as number) + 1;
    this.#takeFin(client);
  }

  #takeFin(client: number): void {
    switch (this.#state[client]) {
      case State.Established:
        // CLOSE-WAIT: what is under way goes out, then our own FIN; nobody here keeps a half-open connection.
        this.#isEnding.add(client);
        this.#owesAck[client] = 1;
        this.#state[client] = State.LastAck;
        this.#sendWhatFits(client);
        if (this.#owesAck[client] === 1) this.#acknowledge(client);
        break;
      case State.FinWait1:
        this.#state[client] = State.Closing;
        this.#acknowledge(client);
        break;
      case State.FinWait2:
        this.#acknowledge(client);
        this.#close(client, 'PeerClosed');
        break;
    }
  }

  /** Hot path. As much as the peer's window takes, then FIN if the client is to close. */
  #sendWhatFits(client: number): void {
    const state = this.#state[client];
    if (state !== State.Established && state !== State.LastAck) return;
    const waiting = this.#unacknowledged.get(client);
    const bytes = waiting?.length ?? 0;
    let sent = distance(this.#sendNext[client] as number, this.#sendUnacknowledged[client] as number);
    // SND.NXT stands behind the FIN already.
    if (sent > bytes) return;
    const window = this.#sendWindow[client] as number;
    while (waiting && sent < bytes && sent < window) {
      const length = Math.min(this.#sendMss, bytes - sent, window - sent);
      this.#emitData(client, waiting, sent, length);
      sent += length;
      this.#sendNext[client] = (this.#sendNext[client] as number) + length;
    }
    if (sent === bytes && this.#isEnding.has(client)) {
      this.#emit(client, FIN | ACK, this.#sendNext[client] as number, 0, undefined, 0);
      this.#sendNext[client] = (this.#sendNext[client] as number) + 1;
      if (state === State.Established) this.#state[client] = State.FinWait1;
      sent += 1;
    }
    if ((sent > 0 || bytes > 0) && !this.#wheel.isArmed(client))
      this.#wheel.arm(client, FIRST_DATA_TIMEOUT_MS);
  }

  readonly #onTimeout = (client: number): void => {
    const state = this.#state[client];
    if (state === State.Closed) return;
    const retries = (this.#retries[client] as number) + 1;
    this.#retries[client] = retries;
    if (retries > (state === State.SynSent ? MOST_SYN_RETRIES : MOST_RETRIES)) {
      this.#reset(client, 'ETIMEDOUT');
      return;
    }
    if (state === State.FinWait2) {
      this.#reset(client, 'PeerClosed');
      return;
    }
    const first = state === State.SynSent ? FIRST_SYN_TIMEOUT_MS : FIRST_DATA_TIMEOUT_MS;
    this.#wheel.arm(client, Math.min(LONGEST_TIMEOUT_MS, first * 2 ** retries));
    if (state === State.SynSent) {
      this.counters.synRetries += 1;
      this.#emit(client, SYN, this.#sendUnacknowledged[client] as number, 0, undefined, this.#receiveMss);
    } else {
      this.#retransmit(client);
    }
  };

  /** The oldest segment once more; or, where the window is shut, one byte that asks whether it is open. */
  #retransmit(client: number): void {
    const waiting = this.#unacknowledged.get(client);
    const bytes = waiting?.length ?? 0;
    const sent = distance(this.#sendNext[client] as number, this.#sendUnacknowledged[client] as number);
    this.counters.retransmissions += 1;
    if (waiting && sent === 0) {
      this.#emitData(client, waiting, 0, 1);
      this.#sendNext[client] = (this.#sendNext[client] as number) + 1;
    } else if (waiting) {
      this.#emitData(client, waiting, 0, Math.min(this.#sendMss, bytes, sent));
    } else {
      this.#emit(client, FIN | ACK, this.#sendUnacknowledged[client] as number, 0, undefined, 0);
    }
  }

  #dropAcknowledged(client: number, acknowledged: number): void {
    const waiting = this.#unacknowledged.get(client);
    if (!waiting) return;
    // The FIN takes a number and no byte.
    if (acknowledged >= waiting.length) this.#unacknowledged.delete(client);
    else this.#unacknowledged.set(client, waiting.subarray(acknowledged));
  }

  #oweAck(client: number): void {
    if (this.#owesAck[client] === 1) return;
    this.#owesAck[client] = 1;
    this.#owing.push(client);
  }

  #acknowledge(client: number): void {
    this.#emit(client, ACK, this.#sendNext[client] as number, 0, undefined, 0);
  }

  #reset(client: number, reason: string): void {
    this.counters.resetsOut += 1;
    this.#emit(client, RST | ACK, this.#sendNext[client] as number, 0, undefined, 0);
    this.#close(client, reason);
  }

  #close(client: number, reason: string): void {
    this.#state[client] = State.Closed;
    this.#owesAck[client] = 0;
    this.#wheel.disarm(client);
    this.#unacknowledged.delete(client);
    this.#isEnding.delete(client);
    this.#listener.closed(client, reason);
  }

  #emitData(client: number, from: Buffer, start: number, length: number): void {
    const sequence = ((this.#sendUnacknowledged[client] as number) + start) >>> 0;
    this.#emit(client, ACK | PSH, sequence, length, from.subarray(start, start + length), 0);
  }

  /** Hot path. Every segment carries the acknowledgment that is owed. */
  #emit(
    client: number,
    flags: number,
    sequence: number,
    dataBytes: number,
    data: Buffer | undefined,
    mss: number,
  ): void {
    const out = this.#out;
    const place = (client % CLIENTS_AN_ADDRESS) * PORTS_A_CLIENT;
    out.sourceAddress = this.#firstAddress + Math.floor(client / CLIENTS_AN_ADDRESS);
    out.sourcePort = FIRST_PORT + place + (this.#generation[client] as number);
    out.destinationAddress = this.#peerAddress[client] as number;
    out.destinationPort = this.#peerPort[client] as number;
    out.sequence = sequence;
    out.acknowledgment = (flags & ACK) !== 0 ? (this.#receiveNext[client] as number) : 0;
    out.flags = flags;
    out.window = RECEIVE_WINDOW;
    if (data) this.#packet.set(data, HEADERS_BYTES);
    if ((flags & ACK) !== 0) this.#owesAck[client] = 0;
    this.#write(dataBytes, mss);
  }

  #write(dataBytes: number, mss: number): void {
    this.counters.segmentsOut += 1;
    this.#wire.write(this.#packet, writeSegment(this.#packet, this.#out, dataBytes, mss));
  }
}

/** How far sequence number `a` is beyond `b`; negative: behind. Numbers wrap around (section 3.4). */
function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** What a segment takes of the sequence space. */
function lengthOf({ dataStart, dataEnd, flags }: Segment): number {
  return dataEnd - dataStart + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
}
