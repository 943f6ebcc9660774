import type { Promises } from '../../record/promises.js';
import type { AgentPlan, Endpoint } from '../agent-messages.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type Driver,
  GROUP_BIT,
  ProtocolViolation,
} from '../drivers/driver.js';
import { DRIVER_FAULT, driverFaultWords, endsOneConnection } from '../drivers/driver-fault.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { Transport, TransportListener } from '../transports/transport.js';
import { Absences } from './absences.js';
import { ClientWriter } from './client-writer.js';
import { Conversations, type MessageWriter } from './conversations.js';
import type { IntervalHistograms } from './interval-histograms.js';
import { addCounts, type LedgerCounts, type LedgerTotals } from './ledger.js';
import { largestSize } from './message-size.js';
import { isWhole, PayloadMaker, runIn, sequenceIn, userBehind } from './payload.js';

/** Where a client is in the life of its connection. `Leaving`: the client ends it. `Ending`: the server does, and reads no more. */
export const ClientState = {
  Offline: 0,
  Opening: 1,
  LoggingIn: 2,
  Online: 3,
  Leaving: 4,
  Ending: 5,
} as const;

/** Of notes; what a driver says beyond that is of no use to a reader. */
const MOST_NOTES = 20;

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
export class Population implements TransportListener, ClientEvents {
  readonly count: number;
  readonly #pairs: Conversations;
  readonly #groups: Conversations | undefined;
  readonly #conversations: Conversations[];
  readonly #promises: Promises;
  readonly #protocol: ClientProtocol;
  #refusals: Record<string, number> = {};
  /** A driver may end the connection as it is asked to write a message: then there is no room for the next one. */
  readonly #whileOnline: MessageWriter;
  readonly #writer: ClientWriter;
  readonly #plan: AgentPlan;
  readonly #histograms: IntervalHistograms;
  readonly #listener: PopulationListener;
  #transport: Transport | undefined;
  readonly #state: Uint8Array;
  readonly #isPaused: Uint8Array;
  /** When the first attempt of those fell due that have not yet led to a login; 0: none is due. Its latency counts from there. */
  readonly #connectDueMs: Float64Array;
  readonly #absences: Absences;
  /** Beginnings of protocol messages whose end has not come. Few clients have any at a time, so no array is kept for all. */
  readonly #rests = new Map<number, Buffer>();
  readonly #endReasons = new Map<number, string>();
  online = 0;
  opening = 0;
  /** How often a client gives a sign of life. */
  heartbeatMs: number;
  /** What the driver says of the server. */
  readonly notes = new Set<string>();
  #onlinePeak = 0;
  #onlineLow = 0;
  /** Connections that the transport has, in whatever state. */
  connections = 0;

  constructor(plan: AgentPlan, driver: Driver, histograms: IntervalHistograms, listener: PopulationListener) {
    const { count, firstUser, run, heartbeatMs, groups } = plan;
    const { settings } = plan.driver;
    this.count = count;
    this.heartbeatMs = heartbeatMs;
    this.#plan = plan;
    this.#histograms = histograms;
    this.#listener = listener;
    this.#absences = new Absences(count);
    this.#promises = driver.promises(settings);
    const payloads = new PayloadMaker(run, largestSize(plan.messages.size), plan.attachments);
    const converse = (kind: 'pairs' | 'groups' | 'alone', members: number): Conversations =>
      new Conversations({
        clients: count,
        firstUser,
        kind,
        members,
        promises: this.#promises,
        run,
        payloads,
        histograms,
        absences: this.#absences,
      });
    this.#pairs = this.#promises.recipient === 'partner' ? converse('pairs', 2) : converse('alone', 1);
    this.#groups = groups ? converse('groups', groups.members) : undefined;
    this.#conversations = this.#groups ? [this.#pairs, this.#groups] : [this.#pairs];
    const carriers = [...new Set(plan.endpoints.map(({ protocol }) => protocol))];
    const range = { count, firstUser, run, groupMembers: groups?.members ?? null, heartbeatMs, carriers };
    this.#protocol = driver.create(settings, range, this);
    this.#whileOnline = {
      hasRoom: (client) => this.isOnline(client) && this.#protocol.hasRoom?.(client) !== false,
      writeMessage: (client, to, sequence, payload, out) =>
        this.#protocol.writeMessage(client, to, sequence, payload, out),
    };
    this.#writer = new ClientWriter(
      count,
      driver.framing(settings).webSocketMessages !== 'stream',
      (client) => this.isOnline(client) && !this.isPaused(client),
      (client, wantsKeepalive) => this.#compose(client, wantsKeepalive),
    );
    this.#state = new Uint8Array(count);
    this.#isPaused = new Uint8Array(count);
    this.#connectDueMs = new Float64Array(count);
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

  /**
   * Whether there is somebody that a user may write to.
   * @param user its place in the population of all agents
   */
  hasPartner(user: number): boolean {
    const { count } = this.#plan.population;
    return this.#conversations.some((each) => each.recipientsOf(user, count) > 0);
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

  /** The run ends, and whoever is connected has written what there was room for. */
  accountHeldBack(): void {
    for (let client = 0; client < this.#plan.count; client += 1)
      if (this.isOnline(client)) for (const each of this.#conversations) each.accountHeldBack(client);
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
    // A paused connection reports nothing, not even its own end.
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

  #leave(client: number): void {
    this.#writer.flushClient(client);
    this.#writer.begin(client);
    this.#protocol.leave(client, this.#writer);
    this.#writer.end();
    // The goodbye may have failed, and ended the connection.
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
    this.#writer.say(client);
  }

  /** Breaks the connection without a word. */
  cut(client: number, reason = 'Cut'): void {
    if (this.#state[client] === ClientState.Offline) return;
    // Keep the reason that the server gave, if it did.
    if (!this.#endReasons.has(client) || reason === 'Cut') this.#endReasons.set(client, reason);
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
    if (canSend) this.#writer.say(client);
    return recipients;
  }

  keepAlive(client: number): void {
    if (this.isOnline(client) && !this.isPaused(client)) this.#writer.sayKeepalive(client);
  }

  opened(client: number): void {
    this.#state[client] = ClientState.LoggingIn;
    if (!this.#protocol.resumesSessions) this.sessionBegan(client);
    this.#writer.begin(client);
    this.#protocol.opened(client, this.#writer);
    this.#writer.end();
  }

  /** Hot path. */
  received(client: number, bytes: Buffer): void {
    const rest = this.#rests.get(client);
    const available = rest ? Buffer.concat([rest, bytes]) : bytes;
    this.#writer.begin(client);
    try {
      const consumed = this.#protocol.received(client, available, this.#writer);
      // Writing the answer may have failed, and ended the connection.
      if (consumed < available.length && this.#state[client] !== ClientState.Offline)
        this.#rests.set(client, Buffer.from(available.subarray(consumed)));
      else if (rest) this.#rests.delete(client);
    } catch (error) {
      this.cut(client, this.#reasonOf(error));
    } finally {
      this.#writer.end();
    }
  }

  secured(client: number): void {
    this.#writer.begin(client);
    this.#protocol.secured?.(client, this.#writer);
    this.#writer.end();
  }

  closed(client: number, transportReason: string): void {
    const before = this.#state[client];
    const given = this.#endReasons.get(client);
    const told = given === 'ConnectTimeout' ? this.#protocol.whyNotLoggedIn?.(client) : undefined;
    const reason = told ?? given ?? transportReason;
    this.#rests.delete(client);
    this.#endReasons.delete(client);
    this.#isPaused[client] = 0;
    this.#protocol.closed(client);
    this.connections -= 1;
    const wasIn = before === ClientState.Online || before === ClientState.Ending;
    if (before === ClientState.Online) this.#offline(client);
    else if (!wasIn && before !== ClientState.Leaving) this.opening -= 1;
    this.#state[client] = ClientState.Offline;
    if (wasIn) this.#listener.ended(client, reason, given === 'Cut');
    else if (before === ClientState.Leaving) this.#listener.ended(client, 'Left', true);
    else this.#listener.failed(client, reason);
  }

  /** Writes what is to be said now; called at the end of a tick. */
  flush(): void {
    this.#writer.flush();
  }

  loggedIn(client: number): void {
    // What comes behind the end of a connection logs nobody in: nothing could be written on it any more.
    if (this.#state[client] !== ClientState.LoggingIn || this.#endReasons.has(client)) return;
    const now = monotonicMs();
    this.#state[client] = ClientState.Online;
    this.opening -= 1;
    this.online += 1;
    this.#onlinePeak = Math.max(this.#onlinePeak, this.online);
    this.#absences.end(client, now);
    const dueMs = this.#connectDueMs[client] as number;
    this.#connectDueMs[client] = 0;
    this.#histograms.record('connect', now - dueMs, dueMs);
    for (const conversations of this.#conversations)
      if (conversations.resume(client)) this.#writer.say(client);
    this.#listener.loggedIn(client);
  }

  sessionBegan(client: number): void {
    for (const conversations of this.#conversations) conversations.connected(client);
  }

  unhandled(client: number, sequence: number): void {
    this.#conversationOf(sequence)?.unhandled(client, withoutGroupBit(sequence));
  }

  /** Hot path. */
  delivered(client: number, payload: Buffer, isRedelivery: boolean): void {
    if (!isWhole(payload)) {
      // Its header is damaged, so nobody knows which message it was: that one counts as lost, too.
      this.#pairs.ledger.corrupted += 1;
      return;
    }
    const { run, firstUser } = this.#plan;
    const sequence = runIn(payload) === run >>> 0 ? sequenceIn(payload) : undefined;
    this.deliveredAs(client, userBehind(firstUser, payload), sequence, payload, isRedelivery);
  }

  /** Hot path. */
  deliveredAs(
    client: number,
    from: number,
    sequence: number | undefined,
    payload: Buffer,
    isRedelivery: boolean,
    place?: number,
  ): void {
    const { ledger } = this.#pairs;
    if (sequence === undefined) {
      // Not of this run. An earlier run may have left it in a mailbox; a server that started empty has made it up.
      if (this.#plan.isServerFresh) ledger.deliverForeign();
      else ledger.leftOver += 1;
      return;
    }
    const number = withoutGroupBit(sequence);
    const conversations = number === sequence ? this.#pairs : this.#groups;
    if (conversations) conversations.delivered(client, from, number, payload, isRedelivery, place);
    else ledger.deliverForeign();
  }

  /** Hot path. */
  accepted(client: number, sequence: number): void {
    this.#conversationOf(sequence)?.accepted(client, withoutGroupBit(sequence));
  }

  /** Hot path. */
  receipted(client: number, by: number, sequence: number): void {
    if (!this.#promises.receipt) return;
    this.#conversationOf(sequence)?.receipted(client, by, withoutGroupBit(sequence));
  }

  undeliverable(client: number, by: number, sequence: number): void {
    this.#conversationOf(sequence)?.undeliverable(client, by, withoutGroupBit(sequence));
  }

  refused(client: number, sequence: number | undefined, reason: string): void {
    this.#refusals[reason] = (this.#refusals[reason] ?? 0) + 1;
    if (sequence !== undefined) this.#conversationOf(sequence)?.refused(client, withoutGroupBit(sequence));
  }

  ended(client: number, reason: string): void {
    this.#endReasons.set(client, reason);
    // What was to be said leaves before the end.
    this.#writer.sendWhatIsThere(client);
    this.ending(client);
    this.#transport?.end(client);
  }

  /** The client is offline: messages that fall due for it wait for its next connection. */
  ending(client: number): void {
    if (!this.isOnline(client)) return;
    this.#offline(client);
    this.#state[client] = ClientState.Ending;
  }

  /** Hot path. */
  hasSomethingToWrite(client: number): void {
    this.#writer.say(client);
  }

  startTls(client: number): boolean {
    return this.#transport?.startTls?.(client) ?? false;
  }

  wantsKeepaliveEvery(ms: number): void {
    this.heartbeatMs = Math.min(this.heartbeatMs, Math.max(1, ms));
  }

  note(words: string): void {
    if (this.notes.size < MOST_NOTES) this.notes.add(words);
  }

  /**
   * Why a connection ends whose bytes the driver has not taken.
   * @throws what is not of this connection alone
   */
  #reasonOf(error: unknown): string {
    if (error instanceof ProtocolViolation) return error.reason;
    const { name } = this.#plan.driver;
    if (!endsOneConnection(error, name)) throw error;
    this.note(driverFaultWords(error, name));
    return DRIVER_FAULT;
  }

  /** Hot path. Whose message has this number. */
  #conversationOf(sequence: number): Conversations | undefined {
    return sequence < GROUP_BIT ? this.#pairs : this.#groups;
  }

  #offline(client: number): void {
    this.online -= 1;
    this.#onlineLow = Math.min(this.#onlineLow, this.online);
    this.#writer.forget(client);
  }

  /** Hot path. What the protocol itself has to say, due messages in order, and a sign of life. */
  #compose(client: number, wantsKeepalive: boolean): void {
    this.#protocol.writePending(client, this.#writer);
    this.#writeDue(client);
    // Any of it may have ended the connection.
    if (!this.isOnline(client)) return;
    this.#protocol.messagesWritten?.(client, this.#writer);
    if (wantsKeepalive) this.#protocol.writeKeepalive(client, this.#writer);
  }

  /** Hot path. Where there is little room, it is for what has been due for longer: to the partner or to the group. */
  #writeDue(client: number): void {
    const pairs = this.#pairs;
    const groups = this.#groups;
    const isGroupFirst =
      groups && this.#protocol.hasRoom && groups.nextDueMs(client) < pairs.nextDueMs(client);
    if (isGroupFirst) groups.writeDue(client, this.#whileOnline, this.#writer);
    pairs.writeDue(client, this.#whileOnline, this.#writer);
    if (!isGroupFirst) groups?.writeDue(client, this.#whileOnline, this.#writer);
  }
}

/** Hot path. */
function withoutGroupBit(sequence: number): number {
  return sequence < GROUP_BIT ? sequence : sequence - GROUP_BIT;
}
