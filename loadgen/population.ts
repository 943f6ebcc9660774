import { decodeFrames } from '../protocol/decode.js';
import { bodyBytes, encodeFrame, writeFrame } from '../protocol/encode.js';
import {
  endsConnection,
  type Frame,
  FrameType,
  GoodbyeCode,
  HEADER_BYTES,
  LARGEST_BODY_BYTES,
  PROTOCOL_VERSION,
  ProtocolError,
  ReasonCode,
  reasonName,
} from '../protocol/frame.js';
import { tokenOf } from '../protocol/user-token.js';
import type { AgentPlan, AgentTotals, Endpoint } from './agent-messages.js';
import { Conversations } from './conversations.js';
import type { IntervalHistograms } from './interval-histograms.js';
import { addCounts, type LedgerCounts } from './ledger.js';
import { largestSize } from './message-size.js';
import { monotonicMs } from './monotonic-clock.js';
import { PayloadMaker } from './payload.js';
import type { Transport, TransportListener } from './transports/transport.js';

/** Where a client is in the life of a connection. */
export const ClientState = { Offline: 0, Opening: 1, LoggingIn: 2, Online: 3, Leaving: 4 } as const;

/** Things to say in the next write of a client. */
const SAY_ACK = 1;
const SAY_PING = 2;
const SAY_GROUP = 4;

const SCRATCH_BYTES = 16 * 1024;

/** Ids towards groups, and of the GROUP frames themselves, are told from those towards a partner by their distance. */
const GROUP_IDS_FROM = 2 ** 32;
const GROUP_REQUESTS_FROM = 2 ** 33;

/** A group that the server does not make now it may make later. */
const PASSING_REFUSALS: ReadonlySet<number> = new Set([
  ReasonCode.StoreFailed,
  ReasonCode.StoreFull,
  ReasonCode.RateLimited,
  ReasonCode.Shedding,
]);

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
 * transport; what it says is decided by the schedule, what it answers is decided here. Neighbours converse, in pairs
 * and, where the plan has groups, in those.
 */
export class Population implements TransportListener {
  readonly count: number;
  readonly #pairs: Conversations;
  readonly #groups: Conversations | undefined;
  readonly #conversations: Conversations[];
  /** By group, named by its first client: whether the server has it. */
  readonly #isGroupMade: Uint8Array;
  readonly #plan: AgentPlan;
  readonly #histograms: IntervalHistograms;
  readonly #listener: PopulationListener;
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
  /** Where the next write of a client is put together, and how far it has come. */
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #scratchUsed = 0;
  #dirty: number[] = [];
  #isFlushScheduled = false;
  /** Client whose bytes are being decoded. */
  #current = 0;
  #halfWindow = 64;
  /** Messages to groups of an earlier run, in one that has none. */
  #leftOver = 0;
  online = 0;
  opening = 0;

  constructor(plan: AgentPlan, histograms: IntervalHistograms, listener: PopulationListener) {
    const { count } = plan;
    this.count = count;
    this.#plan = plan;
    this.#histograms = histograms;
    this.#listener = listener;
    const payloads = new PayloadMaker(largestSize(plan.messages.size), plan.attachments);
    const converse = (members: number, firstId: number): Conversations =>
      new Conversations({
        clients: count,
        firstUser: plan.firstUser,
        members,
        firstId,
        payloads,
        histograms,
        wasThere: (client, dueMs) => (this.#backSinceMs[client] as number) <= dueMs,
      });
    this.#pairs = converse(2, plan.firstId);
    this.#groups = plan.groups ? converse(plan.groups.members, plan.firstId + GROUP_IDS_FROM) : undefined;
    this.#conversations = this.#groups ? [this.#pairs, this.#groups] : [this.#pairs];
    this.#isGroupMade = new Uint8Array(this.#groups ? count : 0);
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

  /** Whether there is somebody that this client may write to. */
  hasPartner(client: number): boolean {
    return this.#pairs.recipientsOf(client) > 0;
  }

  /** Messages of all clients that are not done. */
  get underWay(): number {
    return this.#conversations.reduce((sum, { outbox }) => sum + outbox.length, 0);
  }

  /** What the ledgers have counted until now. */
  counts(): LedgerCounts {
    return this.#conversations.map(({ ledger }) => ledger.counts()).reduce(addCounts);
  }

  /** The account of the whole run. */
  totals(): AgentTotals {
    return {
      ...this.#conversations.map((each) => each.totals()).reduce(addCounts),
      toGroups: this.#groups?.messages ?? 0,
      leftOver: this.#conversations.reduce((sum, { leftOver }) => sum + leftOver, this.#leftOver),
    };
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
    if (this.#hasUnacknowledged(client)) this.#sayNext(client, SAY_ACK);
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

  /**
   * Hot path. A message of `bytes` from `client` to its partner or to its group fell due.
   * @returns for how many it is
   */
  send(client: number, isForGroup: boolean, dueMs: number, bytes: number): number {
    const conversations = isForGroup && this.#groups ? this.#groups : this.#pairs;
    const recipients = conversations.recipientsOf(client);
    if (recipients === 0) return 0;
    const canSend = this.isOnline(client);
    conversations.add(client, dueMs, bytes, canSend);
    if (canSend) this.#markDirty(client);
    return recipients;
  }

  ping(client: number): void {
    if (!this.isOnline(client) || this.isPaused(client)) return;
    // A heartbeat also carries the acknowledgement of receipts that nothing else has carried yet.
    const acknowledgement = this.#hasUnacknowledged(client) ? SAY_ACK : 0;
    this.#sayNext(client, SAY_PING | acknowledgement | this.#groupToMake(client));
  }

  #hasUnacknowledged(client: number): boolean {
    return this.#receivedSequence[client] !== this.#acknowledgedSequence[client];
  }

  opened(client: number): void {
    this.#state[client] = ClientState.LoggingIn;
    const user = this.#plan.firstUser + client;
    const login = encodeFrame({ type: FrameType.Login, user, token: tokenOf(this.#plan.credentials, user) });
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

  readonly #onFrame = (frame: Frame): boolean => {
    const client = this.#current;
    switch (frame.type) {
      case FrameType.Deliver:
        this.#delivered(client, this.#pairs, frame);
        break;
      case FrameType.GroupDeliver:
        this.#delivered(client, this.#groups, frame);
        break;
      case FrameType.Accepted:
        this.#accepted(client, frame.id);
        break;
      case FrameType.Receipt:
        this.#receipted(client, this.#pairs, frame);
        break;
      case FrameType.GroupReceipt:
        this.#receipted(client, this.#groups, frame);
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
    this.#sayNext(client, this.#groupToMake(client));
    for (const conversations of this.#conversations)
      if (conversations.resume(client)) this.#markDirty(client);
    this.#listener.loggedIn(client);
  }

  /** Hot path. */
  #delivered(
    client: number,
    conversations: Conversations | undefined,
    frame: Extract<Frame, { type: typeof FrameType.Deliver | typeof FrameType.GroupDeliver }>,
  ): void {
    this.#receivedSequence[client] = frame.sequence;
    this.#sayNext(client, SAY_ACK);
    if (conversations) conversations.delivered(client, frame);
    else this.#leftOver += 1;
  }

  /** Hot path. */
  #receipted(
    client: number,
    conversations: Conversations | undefined,
    frame: Extract<Frame, { type: typeof FrameType.Receipt | typeof FrameType.GroupReceipt }>,
  ): void {
    this.#receivedSequence[client] = frame.sequence;
    if (frame.sequence - (this.#acknowledgedSequence[client] as number) >= this.#halfWindow)
      this.#sayNext(client, SAY_ACK);
    conversations?.receipted(client, frame);
  }

  /** Hot path. */
  #accepted(client: number, id: number): void {
    if (id >= this.#groupRequest(0)) this.#isGroupMade[client] = 1;
    else this.#conversationOf(id).accepted(client, id);
  }

  #refused(client: number, code: number, reference: number): void {
    if (endsConnection(code)) {
      this.#endReasons.set(client, reasonName(code));
      this.#transport?.end(client);
    } else if (reference < this.#groupRequest(0)) this.#conversationOf(reference).refused(client, reference);
    else if (!PASSING_REFUSALS.has(code))
      throw new Error(`the server does not make groups: ${reasonName(code)}`);
  }

  /** Hot path. Whose message this id is. */
  #conversationOf(id: number): Conversations {
    return this.#groups?.has(id) ? this.#groups : this.#pairs;
  }

  /** The id of the request for the group of that client. */
  #groupRequest(client: number): number {
    return this.#plan.firstId + GROUP_REQUESTS_FROM + client;
  }

  /** The first of a group makes it, until the server says that it has. */
  #groupToMake(client: number): number {
    const isToMake = this.#groups?.firstOf(client) === client && this.#isGroupMade[client] === 0;
    return isToMake ? SAY_GROUP : 0;
  }

  #offline(client: number): void {
    this.online -= 1;
    this.#say[client] = 0;
  }

  /** Hot path. Puts something into the next write of a client. */
  #sayNext(client: number, what: number): void {
    if (what === 0) return;
    this.#say[client] = (this.#say[client] as number) | what;
    this.#markDirty(client);
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
    this.#scratchUsed = 0;
    if ((say & SAY_ACK) !== 0) {
      const sequence = this.#receivedSequence[client] as number;
      this.#acknowledgedSequence[client] = sequence;
      this.#put(client, { type: FrameType.Ack, sequence });
    }
    if ((say & SAY_GROUP) !== 0) this.#put(client, this.#groupFrame(client));
    for (const conversations of this.#conversations) conversations.takeDue(client, this.#putBound);
    if ((say & SAY_PING) !== 0) this.#put(client, { type: FrameType.Ping, nonce: client });
    this.#write(client);
  }

  #groupFrame(client: number): Frame {
    const first = this.#plan.firstUser + client;
    const members = Array.from(
      { length: 1 + (this.#groups?.recipientsOf(client) ?? 0) },
      (_, index) => first + index,
    );
    return { type: FrameType.Group, id: this.#groupRequest(client), group: first, members };
  }

  readonly #putBound = (client: number, frame: Frame): void => this.#put(client, frame);

  /** Hot path. Puts a frame behind what is there, or at the beginning once that was written. */
  #put(client: number, frame: Frame): void {
    const bytes = HEADER_BYTES + bodyBytes(frame);
    if (this.#scratchUsed + bytes > this.#scratch.length) {
      this.#write(client);
      if (bytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(bytes);
    }
    this.#scratchUsed = writeFrame(frame, this.#scratch, this.#scratchUsed);
  }

  #write(client: number): void {
    if (this.#scratchUsed === 0) return;
    const isReusable = this.#transport?.send(client, this.#scratch.subarray(0, this.#scratchUsed));
    this.#scratchUsed = 0;
    if (!isReusable) this.#scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }
}
