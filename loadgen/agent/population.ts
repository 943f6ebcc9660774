import { decodeFrames } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import {
  endsConnection,
  type Frame,
  FrameType,
  GoodbyeCode,
  LARGEST_BODY_BYTES,
  PROTOCOL_VERSION,
  ProtocolError,
  ReasonCode,
  reasonName,
} from '../../protocol/frame.js';
import { tokenOf } from '../../protocol/user-token.js';
import type { AgentPlan, Endpoint } from '../agent-messages.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { Transport, TransportListener } from '../transports/transport.js';
import { Absences } from './absences.js';
import { ClientWriter, Say } from './client-writer.js';
import { Conversations } from './conversations.js';
import { GroupMaker } from './group-maker.js';
import type { IntervalHistograms } from './interval-histograms.js';
import { addCounts, type LedgerCounts, type LedgerTotals } from './ledger.js';
import { largestSize } from './message-size.js';
import { PayloadMaker } from './payload.js';

/** Where a client is in the life of a connection. */
export const ClientState = { Offline: 0, Opening: 1, LoggingIn: 2, Online: 3, Leaving: 4 } as const;

/** Ids towards groups, and of the GROUP frames themselves, are told from those towards a partner by their distance. */
const GROUP_IDS_FROM = 2 ** 32;
const GROUP_REQUESTS_FROM = 2 ** 33;

/** After it, a group that the server does not have is made again. */
const GROUP_RETRY_MS = 1000;

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
  readonly #groupMaker: GroupMaker | undefined;
  /** First clients of groups that are to be made again in a moment. */
  readonly #groupsToMake = new Set<number>();
  #refusals: Record<string, number> = {};
  readonly #writer: ClientWriter;
  readonly #plan: AgentPlan;
  readonly #histograms: IntervalHistograms;
  readonly #listener: PopulationListener;
  #transport: Transport | undefined;
  readonly #state: Uint8Array;
  readonly #isPaused: Uint8Array;
  /** When the first of the connects fell due that have not ended in a login; 0: none is due. */
  readonly #connectDueMs: Float64Array;
  readonly #absences: Absences;
  /** Last item of the mailbox that came, and the last that was acknowledged. */
  readonly #receivedSequence: Uint32Array;
  readonly #acknowledgedSequence: Uint32Array;
  /** Beginnings of frames: few clients have one at any time. */
  readonly #rests = new Map<number, Buffer>();
  readonly #endReasons = new Map<number, string>();
  /** Client whose bytes are being decoded. */
  #current = 0;
  #halfWindow = 64;
  online = 0;
  opening = 0;
  #onlinePeak = 0;
  #onlineLow = 0;
  /** Not ended, whatever has become of them. */
  connections = 0;

  constructor(plan: AgentPlan, histograms: IntervalHistograms, listener: PopulationListener) {
    const { count } = plan;
    this.count = count;
    this.#plan = plan;
    this.#histograms = histograms;
    this.#listener = listener;
    this.#absences = new Absences(count);
    const payloads = new PayloadMaker(plan.run, largestSize(plan.messages.size), plan.attachments);
    const converse = (kind: 'pairs' | 'groups', members: number, firstId: number): Conversations =>
      new Conversations({
        clients: count,
        firstUser: plan.firstUser,
        kind,
        members,
        firstId,
        isServerFresh: plan.isServerFresh,
        run: plan.run,
        payloads,
        histograms,
        absences: this.#absences,
      });
    this.#pairs = converse('pairs', 2, plan.firstId);
    this.#groups = plan.groups
      ? converse('groups', plan.groups.members, plan.firstId + GROUP_IDS_FROM)
      : undefined;
    this.#conversations = this.#groups ? [this.#pairs, this.#groups] : [this.#pairs];
    if (this.#groups) {
      this.#groupMaker = new GroupMaker(
        this.#groups,
        count,
        plan.firstUser,
        plan.firstId + GROUP_REQUESTS_FROM,
      );
    }
    this.#writer = new ClientWriter(
      count,
      (client) => this.isOnline(client) && !this.isPaused(client),
      (client, say) => this.#compose(client, say),
    );
    this.#state = new Uint8Array(count);
    this.#isPaused = new Uint8Array(count);
    this.#connectDueMs = new Float64Array(count);
    this.#receivedSequence = new Uint32Array(count);
    this.#acknowledgedSequence = new Uint32Array(count);
  }

  /** The transport and its population know each other: the transport is given once both exist. */
  use(transport: Transport): void {
    this.#transport = transport;
    this.#writer.use(transport);
  }

  stateOf(client: number): number {
    return this.#state[client] as number;
  }

  isOnline(client: number): boolean {
    return this.#state[client] === ClientState.Online;
  }

  /** Whether there is somebody that this client may write to. */
  hasPartner(client: number): boolean {
    return this.#conversations.some((each) => each.recipientsOf(client) > 0);
  }

  /** Messages of all clients that are not done. */
  get underWay(): number {
    return this.#conversations.reduce((sum, { outbox }) => sum + outbox.length, 0);
  }

  /** What the ledgers have counted until now. */
  counts(): LedgerCounts {
    return this.#conversations.map(({ ledger }) => ledger.counts()).reduce(addCounts);
  }

  /** Most and fewest clients that were logged in at any moment since the last call. */
  takeExtremes(): { openPeak: number; openLow: number } {
    const extremes = { openPeak: this.#onlinePeak, openLow: this.#onlineLow };
    this.#onlinePeak = this.online;
    this.#onlineLow = this.online;
    return extremes;
  }

  /** Answers with an ERROR instead of ACCEPTED by reason, since the last call. */
  takeRefusals(): Record<string, number> {
    const refusals = this.#refusals;
    this.#refusals = {};
    return refusals;
  }

  /** The account of the whole run. */
  totals(): LedgerTotals {
    return this.#conversations.map((each) => each.totals()).reduce(addCounts);
  }

  /** A connect of a client fell due, which may be the repetition of one: how long it takes counts from the first. */
  connectDue(client: number, dueMs: number): void {
    if (this.#connectDueMs[client] === 0) this.#connectDueMs[client] = dueMs;
  }

  /** Starts a connection. */
  connect(client: number, endpoint: Endpoint, sourceAddress: string | undefined): void {
    this.#state[client] = ClientState.Opening;
    this.opening += 1;
    this.connections += 1;
    this.#transport?.open(client, endpoint, sourceAddress);
  }

  /** The client leaves on purpose: until its next login, waiting for it is no fault of the server. */
  sendAway(client: number): void {
    // One that hangs would hear of nothing, not even that its connection has ended.
    if (this.isPaused(client)) {
      this.#isPaused[client] = 0;
      this.#transport?.resume?.(client);
    }
    this.#absences.begin(client, monotonicMs());
    this.#connectDueMs[client] = 0;
    this.leave(client);
  }

  /** Connects that have not ended in a login take at least as long as they did until now. */
  recordUnfinishedConnects(nowMs: number, isWanted: (client: number) => boolean): void {
    for (let client = 0; client < this.count; client += 1) {
      const dueMs = this.#connectDueMs[client] as number;
      if (dueMs === 0 || this.isOnline(client) || !isWanted(client)) continue;
      this.#histograms.record('connect', nowMs - dueMs, dueMs);
    }
  }

  /** The client says goodbye for good. */
  leave(client: number): void {
    if (this.isOnline(client)) this.#leave(client);
    else this.cut(client);
  }

  /** What no message has carried an acknowledgement of yet is acknowledged on the way out. */
  #leave(client: number): void {
    if (this.#hasUnacknowledged(client)) this.#writer.say(client, Say.Ack);
    this.#writer.flushClient(client);
    this.#transport?.send(client, goodbye);
    // What cannot be sent may have ended it.
    if (!this.isOnline(client)) return;
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
    this.#absences.begin(client, monotonicMs());
    this.#transport?.pause?.(client);
  }

  resume(client: number): void {
    if (!this.isPaused(client)) return;
    this.#isPaused[client] = 0;
    this.#absences.end(client, monotonicMs());
    this.#transport?.resume?.(client);
    this.#writer.say(client, 0);
  }

  /** Breaks the connection without a word. */
  cut(client: number, reason = 'Cut'): void {
    if (this.#state[client] === ClientState.Offline) return;
    this.#endReasons.set(client, reason);
    this.#transport?.cut(client);
  }

  /**
   * Hot path. A message of `bytes` from `client` to its partner or to its group fell due; a client that has but one of
   * them writes to that.
   * @returns for how many it is
   */
  send(client: number, isForGroup: boolean, dueMs: number, bytes: number): number {
    const wanted = isForGroup && this.#groups ? this.#groups : this.#pairs;
    const other = wanted === this.#pairs ? this.#groups : this.#pairs;
    const conversations = wanted.recipientsOf(client) > 0 ? wanted : (other ?? wanted);
    const recipients = conversations.recipientsOf(client);
    if (recipients === 0) return 0;
    const canSend = this.isOnline(client);
    conversations.add(client, dueMs, bytes, canSend);
    if (canSend) this.#writer.say(client, 0);
    return recipients;
  }

  ping(client: number): void {
    if (!this.isOnline(client) || this.isPaused(client)) return;
    // A heartbeat also carries the acknowledgement of receipts that nothing else has carried yet.
    const acknowledgement = this.#hasUnacknowledged(client) ? Say.Ack : 0;
    this.#writer.say(client, Say.Ping | acknowledgement | this.#groupToMake(client));
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
    this.connections -= 1;
    if (before === ClientState.Online) this.#offline(client);
    else if (before !== ClientState.Leaving) this.opening -= 1;
    this.#state[client] = ClientState.Offline;
    if (before === ClientState.Online) this.#listener.ended(client, reason, given === 'Cut');
    else if (before === ClientState.Leaving) this.#listener.ended(client, 'Left', true);
    else this.#listener.failed(client, reason);
  }

  /** Writes what is to be said now; called at the end of a tick. */
  flush(): void {
    this.#writer.flush();
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
    this.#onlinePeak = Math.max(this.#onlinePeak, this.online);
    this.#halfWindow = Math.max(1, window >>> 1);
    this.#absences.end(client, now);
    const dueMs = this.#connectDueMs[client] as number;
    this.#connectDueMs[client] = 0;
    this.#histograms.record('connect', now - dueMs, dueMs);
    // Items that were acknowledged on a connection that died may come again, and want their ACK again.
    this.#receivedSequence[client] = 0;
    this.#acknowledgedSequence[client] = 0;
    const group = this.#groupToMake(client);
    let hasSomethingToSay = group !== 0;
    for (const conversations of this.#conversations)
      if (conversations.resume(client)) hasSomethingToSay = true;
    if (hasSomethingToSay) this.#writer.say(client, group);
    this.#listener.loggedIn(client);
  }

  /** Hot path. */
  #delivered(
    client: number,
    conversations: Conversations | undefined,
    frame: Extract<Frame, { type: typeof FrameType.Deliver | typeof FrameType.GroupDeliver }>,
  ): void {
    this.#receivedSequence[client] = frame.sequence;
    this.#writer.say(client, Say.Ack);
    if (conversations) conversations.delivered(client, frame);
    else this.#pairs.deliveredUnasked(frame.id - GROUP_IDS_FROM);
  }

  /** Hot path. */
  #receipted(
    client: number,
    conversations: Conversations | undefined,
    frame: Extract<Frame, { type: typeof FrameType.Receipt | typeof FrameType.GroupReceipt }>,
  ): void {
    this.#receivedSequence[client] = frame.sequence;
    if (frame.sequence - (this.#acknowledgedSequence[client] as number) >= this.#halfWindow)
      this.#writer.say(client, Say.Ack);
    conversations?.receipted(client, frame);
  }

  /** Hot path. */
  #accepted(client: number, id: number): void {
    if (this.#groupMaker?.hasAsked(id)) this.#groupMaker.made(client);
    else this.#conversationOf(id).accepted(client, id);
  }

  #refused(client: number, code: number, reference: number): void {
    if (endsConnection(code)) {
      this.#endReasons.set(client, reasonName(code));
      this.#transport?.end(client);
      return;
    }
    this.#countRefusal(code);
    if (this.#groupMaker?.hasAsked(reference)) {
      this.#groupMaker.refused(code);
      this.#makeGroupSoon(client);
      return;
    }
    if (this.#groups?.has(reference) && code === ReasonCode.NotMember) {
      // The server has lost the group, or never had it.
      const maker = this.#groups.firstOf(client);
      this.#groupMaker?.lost(maker);
      this.#makeGroupSoon(maker);
    }
    this.#conversationOf(reference).refused(client, reference);
  }

  /** Hot path. Whose message this id is. */
  #conversationOf(id: number): Conversations {
    return this.#groups?.has(id) ? this.#groups : this.#pairs;
  }

  /** Not at once: whatever kept the server from it may take a moment. */
  #makeGroupSoon(client: number): void {
    if (this.#groupsToMake.has(client)) return;
    this.#groupsToMake.add(client);
    setTimeout(() => {
      this.#groupsToMake.delete(client);
      const group = this.#groupToMake(client);
      if (group !== 0 && this.isOnline(client)) this.#writer.say(client, group);
    }, GROUP_RETRY_MS).unref();
  }

  #countRefusal(code: number): void {
    const name = reasonName(code);
    this.#refusals[name] = (this.#refusals[name] ?? 0) + 1;
  }

  #groupToMake(client: number): number {
    return this.#groupMaker?.isToMake(client) ? Say.Group : 0;
  }

  #offline(client: number): void {
    this.online -= 1;
    this.#onlineLow = Math.min(this.#onlineLow, this.online);
    this.#writer.forget(client);
  }

  /** Hot path. ACK, due messages in order and PING of one client. */
  #compose(client: number, say: number): void {
    const { put } = this.#writer;
    if ((say & Say.Ack) !== 0) {
      const sequence = this.#receivedSequence[client] as number;
      this.#acknowledgedSequence[client] = sequence;
      put(client, { type: FrameType.Ack, sequence });
    }
    if ((say & Say.Group) !== 0 && this.#groupMaker) put(client, this.#groupMaker.request(client));
    for (const conversations of this.#conversations) conversations.takeDue(client, put);
    if ((say & Say.Ping) !== 0) put(client, { type: FrameType.Ping, nonce: client });
  }
}
