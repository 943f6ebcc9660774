import { decodeFrames } from '../protocol/decode.js';
import { bodyBytes, encodeFrame, writeFrame } from '../protocol/encode.js';
import {
  endsConnection,
  FLAG_REDELIVERY,
  type Frame,
  FrameType,
  GoodbyeCode,
  HEADER_BYTES,
  LARGEST_BODY_BYTES,
  PROTOCOL_VERSION,
  ProtocolError,
  reasonName,
} from '../protocol/frame.js';
import type { AgentPlan, Endpoint } from './agent-messages.js';
import type { IntervalHistograms } from './interval-histograms.js';
import { Ledger } from './ledger.js';
import { largestSize } from './message-size.js';
import { monotonicMs } from './monotonic-clock.js';
import { MessageState, Outbox } from './outbox.js';
import { PayloadMaker, readDueMs } from './payload.js';
import type { Transport, TransportListener } from './transports/transport.js';

/** Where a client is in the life of a connection. */
export const ClientState = { Offline: 0, Opening: 1, LoggingIn: 2, Online: 3, Leaving: 4 } as const;

/** Things to say in the next write of a client. */
const SAY_ACK = 1;
const SAY_PING = 2;

const SCRATCH_BYTES = 16 * 1024;
const NONE = -1;

const hello = encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION });
const goodbye = encodeFrame({ type: FrameType.Goodbye, code: GoodbyeCode.Normal });

/** What the schedule of the agent needs to hear of its clients. */
export interface PopulationListener {
  loggedIn(client: number): void;
  /** An attempt to connect did not end in a login. */
  failed(client: number, reason: string): void;
  /** A client that was logged in lost its connection; `isOwnDoing`: it left, or was cut on purpose. */
  ended(client: number, reason: string, isOwnDoing: boolean): void;
}

/**
 * The simulated clients of one agent. A client is an index into these arrays, and its connection belongs to the
 * transport; what it says is decided by the schedule, what it answers is decided here. Neighbours converse:
 * the partner of an even index is the next one. A last client without a neighbour sends nothing.
 */
export class Population implements TransportListener {
  readonly count: number;
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly #plan: AgentPlan;
  readonly #histograms: IntervalHistograms;
  readonly #listener: PopulationListener;
  readonly #payloads: PayloadMaker;
  #transport: Transport | undefined;
  readonly #state: Uint8Array;
  readonly #say: Uint8Array;
  readonly #isDirty: Uint8Array;
  readonly #isPaused: Uint8Array;
  /** When the connect fell due; while online, when the client was last meant to be away. */
  readonly #connectDueMs: Float64Array;
  readonly #backSinceMs: Float64Array;
  /** Last item of the mailbox that came, and the last that was acknowledged. */
  readonly #receivedSequence: Uint32Array;
  readonly #acknowledgedSequence: Uint32Array;
  /** Beginnings of frames: few clients have one at any time. */
  readonly #rests = new Map<number, Buffer>();
  readonly #endReasons = new Map<number, string>();
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #dirty: number[] = [];
  #isFlushScheduled = false;
  /** Client whose bytes are being decoded. */
  #current = 0;
  #halfWindow = 64;
  online = 0;
  opening = 0;

  constructor(plan: AgentPlan, histograms: IntervalHistograms, listener: PopulationListener) {
    const { count } = plan;
    this.count = count;
    this.#plan = plan;
    this.#histograms = histograms;
    this.#listener = listener;
    this.#payloads = new PayloadMaker(largestSize(plan.messages.size), plan.attachments);
    this.ledger = new Ledger(count);
    this.outbox = new Outbox(count);
    this.#state = new Uint8Array(count);
    this.#say = new Uint8Array(count);
    this.#isDirty = new Uint8Array(count);
    this.#isPaused = new Uint8Array(count);
    this.#connectDueMs = new Float64Array(count);
    this.#backSinceMs = new Float64Array(count);
    this.#receivedSequence = new Uint32Array(count);
    this.#acknowledgedSequence = new Uint32Array(count);
  }

  /** The transport and its population know each other: the transport is given once both exist. */
  use(transport: Transport): void {
    this.#transport = transport;
  }

  stateOf(client: number): number {
    return this.#state[client] as number;
  }

  isOnline(client: number): boolean {
    return this.#state[client] === ClientState.Online;
  }

  /** Index of the client that this one converses with, or -1. */
  partnerOf(client: number): number {
    const partner = client ^ 1;
    return partner < this.count ? partner : NONE;
  }

  /** Starts a connection; `dueMs` is when it should have started. */
  connect(client: number, dueMs: number, endpoint: Endpoint, sourceAddress: string | undefined): void {
    this.#state[client] = ClientState.Opening;
    this.#connectDueMs[client] = dueMs;
    this.opening += 1;
    this.#transport?.open(client, endpoint, sourceAddress);
  }

  /** The client leaves on purpose: until its next login, waiting for it is no fault of the server. */
  sendAway(client: number): void {
    this.#backSinceMs[client] = Number.POSITIVE_INFINITY;
    if (this.isOnline(client)) this.#leave(client);
    else this.cut(client);
  }

  /** Says goodbye to the server on every connection. */
  leaveAll(): void {
    for (let client = 0; client < this.count; client += 1) {
      if (this.isOnline(client)) this.#leave(client);
      else this.cut(client);
    }
  }

  /** What no message has carried an acknowledgement of yet is acknowledged on the way out. */
  #leave(client: number): void {
    if (this.#hasUnacknowledged(client)) this.#say[client] = (this.#say[client] as number) | SAY_ACK;
    this.#flushClient(client);
    this.#transport?.send(client, goodbye);
    this.#transport?.end(client);
    this.#offline(client);
    this.#state[client] = ClientState.Leaving;
  }

  isPaused(client: number): boolean {
    return this.#isPaused[client] === 1;
  }

  /** The client hangs: it neither reads nor writes, and its connection stays open. */
  pause(client: number): void {
    if (!this.isOnline(client)) return;
    this.#isPaused[client] = 1;
    this.#backSinceMs[client] = Number.POSITIVE_INFINITY;
    this.#transport?.pause?.(client);
  }

  resume(client: number): void {
    if (!this.isPaused(client)) return;
    this.#isPaused[client] = 0;
    this.#backSinceMs[client] = monotonicMs();
    this.#transport?.resume?.(client);
    this.#markDirty(client);
  }

  /** Breaks the connection without a word. */
  cut(client: number, reason = 'Cut'): void {
    if (this.#state[client] === ClientState.Offline) return;
    this.#endReasons.set(client, reason);
    this.#transport?.cut(client);
  }

  /** Hot path. A message of `bytes` from `client` to its partner fell due. */
  send(client: number, dueMs: number, bytes: number): void {
    const sequence = this.ledger.nextSequence(client);
    const slot = this.outbox.add(client, sequence, dueMs, bytes);
    if (this.isOnline(client)) this.#markDirty(client);
    else this.outbox.setState(slot, MessageState.Held);
  }

  ping(client: number): void {
    if (!this.isOnline(client) || this.isPaused(client)) return;
    // A heartbeat also carries the acknowledgement of receipts that nothing else has carried yet.
    const acknowledgement = this.#hasUnacknowledged(client) ? SAY_ACK : 0;
    this.#say[client] = (this.#say[client] as number) | SAY_PING | acknowledgement;
    this.#markDirty(client);
  }

  #hasUnacknowledged(client: number): boolean {
    return this.#receivedSequence[client] !== this.#acknowledgedSequence[client];
  }

  opened(client: number): void {
    this.#state[client] = ClientState.LoggingIn;
    const user = this.#plan.firstUser + client;
    const login = encodeFrame({ type: FrameType.Login, user, token: this.#plan.token ?? '' });
    this.#transport?.send(client, Buffer.concat([hello, login]));
  }

  /** Hot path. */
  received(client: number, bytes: Buffer): void {
    const rest = this.#rests.get(client);
    const available = rest ? Buffer.concat([rest, bytes]) : bytes;
    this.#current = client;
    try {
      const consumed = decodeFrames(available, LARGEST_BODY_BYTES, this.#onFrame);
      if (consumed < available.length) this.#rests.set(client, Buffer.from(available.subarray(consumed)));
      else if (rest) this.#rests.delete(client);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.cut(client, `Server${reasonName(error.code)}`);
    }
  }

  closed(client: number, transportReason: string): void {
    const before = this.#state[client];
    const given = this.#endReasons.get(client);
    const reason = given ?? transportReason;
    this.#rests.delete(client);
    this.#endReasons.delete(client);
    this.#isPaused[client] = 0;
    if (before === ClientState.Online) this.#offline(client);
    else if (before !== ClientState.Leaving) this.opening -= 1;
    this.#state[client] = ClientState.Offline;
    if (before === ClientState.Online) this.#listener.ended(client, reason, given === 'Cut');
    else if (before === ClientState.Leaving) this.#listener.ended(client, 'Left', true);
    else this.#listener.failed(client, reason);
  }

  /** Writes what is to be said, one write a client; called at the end of a turn and of a tick. */
  flush(): void {
    this.#isFlushScheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const client of dirty) this.#flushClient(client);
  }

  /** Messages that fell due and were never handed to a socket. */
  countUnsent(): number {
    let unsent = 0;
    for (let client = 0; client < this.count; client += 1) {
      for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot)) {
        const state = this.outbox.stateOf(slot);
        if (state === MessageState.Due || state === MessageState.Held) unsent += 1;
      }
    }
    return unsent;
  }

  readonly #onFrame = (frame: Frame): boolean => {
    const client = this.#current;
    switch (frame.type) {
      case FrameType.Deliver:
        this.#delivered(client, frame);
        break;
      case FrameType.Accepted:
        this.#accepted(client, frame.id);
        break;
      case FrameType.Receipt:
        this.#receipted(client, frame.sequence, frame.id);
        break;
      case FrameType.Welcome:
        this.#welcomed(client, frame.window);
        break;
      case FrameType.Ping:
        this.#transport?.send(client, encodeFrame({ type: FrameType.Pong, nonce: frame.nonce }));
        break;
      case FrameType.Pong:
        break;
      case FrameType.Error:
        this.#refused(client, frame.code, frame.reference);
        break;
      case FrameType.Goodbye:
        this.#endReasons.set(client, 'Goodbye');
        this.#transport?.end(client);
        break;
      default:
        this.cut(client, 'ServerProtocolError');
    }
    return true;
  };

  #welcomed(client: number, window: number): void {
    if (this.#state[client] !== ClientState.LoggingIn) return;
    const now = monotonicMs();
    this.#state[client] = ClientState.Online;
    this.opening -= 1;
    this.online += 1;
    this.#halfWindow = Math.max(1, window >>> 1);
    if (this.#backSinceMs[client] === Number.POSITIVE_INFINITY) this.#backSinceMs[client] = now;
    this.#histograms.record('connect', now - (this.#connectDueMs[client] as number));
    // Items that were acknowledged on a connection that died may come again, and want their ACK again.
    this.#receivedSequence[client] = 0;
    this.#acknowledgedSequence[client] = 0;
    // What was sent and not accepted may be lost: it goes out again, before anything new.
    let hasSomethingToSend = false;
    for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot)) {
      const state = this.outbox.stateOf(slot);
      if (state === MessageState.Sent) this.outbox.setState(slot, MessageState.Again);
      if (state !== MessageState.Accepted) hasSomethingToSend = true;
    }
    if (hasSomethingToSend) this.#markDirty(client);
    this.#listener.loggedIn(client);
  }

  /** Hot path. */
  #delivered(client: number, frame: Extract<Frame, { type: typeof FrameType.Deliver }>): void {
    this.#receivedSequence[client] = frame.sequence;
    this.#say[client] = (this.#say[client] as number) | SAY_ACK;
    this.#markDirty(client);
    const flow = this.partnerOf(client);
    const isFromPartner = flow !== NONE && frame.from === this.#plan.firstUser + flow;
    const delivery = isFromPartner
      ? this.ledger.deliver(flow, frame.id, (frame.flags & FLAG_REDELIVERY) !== 0)
      : this.ledger.deliver(client, 0, false);
    if (delivery !== 'first' && delivery !== 'late') return;
    const dueMs = readDueMs(frame.payload, flow, frame.id);
    if (dueMs !== undefined && this.#wasThere(client, dueMs) && this.#wasThere(flow, dueMs)) {
      this.#histograms.record('delivered', monotonicMs() - dueMs);
    }
  }

  /** Hot path. */
  #accepted(client: number, sequence: number): void {
    const slot = this.outbox.find(client, sequence);
    if (slot === NONE || this.outbox.stateOf(slot) === MessageState.Accepted) return;
    this.outbox.setState(slot, MessageState.Accepted);
    this.ledger.accepted += 1;
    const dueMs = this.outbox.dueMsOf(slot);
    if (this.#wasThere(client, dueMs)) this.#histograms.record('accepted', monotonicMs() - dueMs);
  }

  /** Hot path. */
  #receipted(client: number, mailboxSequence: number, sequence: number): void {
    this.#receivedSequence[client] = mailboxSequence;
    if (mailboxSequence - (this.#acknowledgedSequence[client] as number) >= this.#halfWindow) {
      this.#say[client] = (this.#say[client] as number) | SAY_ACK;
      this.#markDirty(client);
    }
    const slot = this.outbox.find(client, sequence);
    if (slot === NONE) return;
    // A receipt says more than ACCEPTED does; after a reconnect it may come instead of it.
    if (this.outbox.stateOf(slot) !== MessageState.Accepted) this.ledger.accepted += 1;
    this.ledger.receipted += 1;
    const dueMs = this.outbox.dueMsOf(slot);
    this.outbox.remove(client, slot);
    const partner = this.partnerOf(client);
    if (this.#wasThere(client, dueMs) && this.#wasThere(partner, dueMs)) {
      this.#histograms.record('receipt', monotonicMs() - dueMs);
    }
  }

  #refused(client: number, code: number, reference: number): void {
    if (endsConnection(code)) {
      this.#endReasons.set(client, reasonName(code));
      this.#transport?.end(client);
      return;
    }
    const slot = this.outbox.find(client, reference);
    if (slot === NONE) return;
    this.outbox.remove(client, slot);
    this.ledger.refuse(client, reference);
  }

  /** False if the client was away on purpose at some time since `dueMs`: then it waited for itself. */
  #wasThere(client: number, dueMs: number): boolean {
    return (this.#backSinceMs[client] as number) <= dueMs;
  }

  #offline(client: number): void {
    this.online -= 1;
    this.#say[client] = 0;
  }

  #markDirty(client: number): void {
    if (this.#isDirty[client] === 0) {
      this.#isDirty[client] = 1;
      this.#dirty.push(client);
    }
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    // Behind all reads of this turn: one write answers them all.
    setImmediate(this.#flushBound);
  }

  readonly #flushBound = (): void => this.flush();

  /** Hot path. ACK, due messages in order and PING of one client, in one write. */
  #flushClient(client: number): void {
    this.#isDirty[client] = 0;
    if (this.#state[client] !== ClientState.Online || this.isPaused(client)) return;
    const say = this.#say[client] as number;
    this.#say[client] = 0;
    let at = 0;
    if ((say & SAY_ACK) !== 0) {
      const sequence = this.#receivedSequence[client] as number;
      this.#acknowledgedSequence[client] = sequence;
      at = writeFrame({ type: FrameType.Ack, sequence }, this.#scratch, at);
    }
    for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot)) {
      const state = this.outbox.stateOf(slot);
      if (state !== MessageState.Sent && state !== MessageState.Accepted)
        at = this.#writeSend(client, slot, state, at);
    }
    if ((say & SAY_PING) !== 0) {
      at = this.#roomFor(client, at, HEADER_BYTES + 4);
      at = writeFrame({ type: FrameType.Ping, nonce: client }, this.#scratch, at);
    }
    this.#write(client, at);
  }

  #writeSend(client: number, slot: number, state: number, offset: number): number {
    const sequence = this.outbox.sequenceOf(slot);
    const dueMs = this.outbox.dueMsOf(slot);
    if (state !== MessageState.Again) this.ledger.sent += 1;
    if (state === MessageState.Due) this.#histograms.record('lag', monotonicMs() - dueMs);
    this.outbox.setState(slot, MessageState.Sent);
    const frame = {
      type: FrameType.Send,
      to: this.#plan.firstUser + this.partnerOf(client),
      id: sequence,
      payload: this.#payloads.make(this.outbox.bytesOf(slot), dueMs, client, sequence),
    };
    const at = this.#roomFor(client, offset, HEADER_BYTES + bodyBytes(frame));
    return writeFrame(frame, this.#scratch, at);
  }

  /** Where to write `bytes` more: behind what is there, or at the beginning once that was written. */
  #roomFor(client: number, at: number, bytes: number): number {
    if (at + bytes <= this.#scratch.length) return at;
    this.#write(client, at);
    if (bytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(bytes);
    return 0;
  }

  #write(client: number, bytes: number): void {
    if (bytes === 0) return;
    const isReusable = this.#transport?.send(client, this.#scratch.subarray(0, bytes));
    if (!isReusable) this.#scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }
}
