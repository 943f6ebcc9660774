import { isIP } from 'node:net';
import { isLoopback } from '../../protocol/address.js';
import type { AgentPlan, Endpoint } from '../agent-messages.js';
import { Fifo } from '../fifo.js';
import { loopbackSources } from '../source-addresses.js';
import type { IntervalHistograms } from './interval-histograms.js';
import { ClientState, type Population } from './population.js';
import { TimedQueue } from './timed-queue.js';

/** Back-off of a client whose attempts fail: one entry an attempt in a row, the last for all that follow. */
const BACKOFFS_MS = [500, 1000, 2000, 4000, 8000];

/** That are counted of one client, in a row. */
const MOST_FAILURES = 255;

/**
 * Connections to one endpoint before the next has its turn: a server of many processes wakes each of them for a
 * handful of connections at once, instead of every one of them for each.
 */
const ENDPOINT_BURST = 64;

/**
 * Endpoints that take turns; once they have their share of the clients, it is the turn of the next ones. A hundred
 * processes that all begin at once, with code that none of them has compiled yet, have a bad start.
 */
const ENDPOINT_GROUP = 8;

/**
 * Attempts under way at a time. A server that answers none of them gains nothing from more; those that wait are late,
 * and their latency counts from when they were due.
 */
const MOST_OPENING = 16_384;

/** A connect under way. The number tells it from later attempts of the same client. */
interface Attempt {
  client: number;
  attempt: number;
  deadlineMs: number;
}

/**
 * Opens connections at a rate: first every client once, in the order of the indices, then whoever lost its
 * connection or comes back. Due times are fixed by the rate; a connect that starts late is late in its latency.
 */
export class Connector {
  readonly #plan: AgentPlan;
  readonly #population: Population;
  readonly #histograms: IntervalHistograms;
  readonly #isWanted: (client: number) => boolean;
  readonly #onTimeout: (client: number) => void;
  /** Loopback addresses to dial from, in turn; empty: the kernel chooses. */
  readonly #sources: readonly string[];
  #startMs = Number.POSITIVE_INFINITY;
  /** Clients that have had their first turn. */
  #begun = 0;
  /** Clients in line for another connection, and when the next of them is due. */
  readonly #queue = new Fifo<number>();
  #nextReconnectMs = 0;
  /** Clients that failed, and when they queue again; by the length of their back-off, so that each is in order. */
  readonly #backingOff = BACKOFFS_MS.map(() => new TimedQueue());
  readonly #failures: Uint8Array;
  readonly #isQueued: Uint8Array;
  /** Attempts under way, oldest first. */
  readonly #attempts = new Fifo<Attempt>();
  readonly #attemptOf: Uint16Array;
  #opened = 0;
  /** Until then no attempt could begin, because too many were under way: that is the server's doing. */
  #blockedUntilMs = 0;

  /**
   * @param isWanted false for clients that are meant to be away: their turn is passed over
   * @param onTimeout an attempt took longer than the plan allows
   */
  constructor(
    plan: AgentPlan,
    population: Population,
    histograms: IntervalHistograms,
    isWanted: (client: number) => boolean,
    onTimeout: (client: number) => void,
  ) {
    this.#plan = plan;
    this.#sources = sourcesOf(plan);
    this.#population = population;
    this.#histograms = histograms;
    this.#isWanted = isWanted;
    this.#onTimeout = onTimeout;
    this.#failures = new Uint8Array(plan.count);
    this.#isQueued = new Uint8Array(plan.count);
    this.#attemptOf = new Uint16Array(plan.count);
  }

  start(atMs: number): void {
    this.#startMs = atMs;
    this.#nextReconnectMs = atMs;
  }

  /** Puts a client in line for another connection. */
  enqueue(client: number, nowMs: number): void {
    if (this.#isQueued[client] === 1) return;
    this.#isQueued[client] = 1;
    if (this.#queue.length === 0) this.#nextReconnectMs = Math.max(this.#nextReconnectMs, nowMs);
    this.#queue.push(client);
  }

  /** Puts a client in line once its back-off is over. */
  enqueueAfterFailure(client: number, nowMs: number): void {
    // The count also says which address is next, so it must go on rising. Past what a byte holds it starts again at the
    // longest back-off.
    const before = this.#failures[client] as number;
    const failures = before === MOST_FAILURES ? BACKOFFS_MS.length : before + 1;
    this.#failures[client] = failures;
    const step = Math.min(failures, BACKOFFS_MS.length) - 1;
    this.#backingOff[step]?.push({ client, atMs: nowMs + (BACKOFFS_MS[step] as number) });
  }

  succeeded(client: number): void {
    this.#failures[client] = 0;
  }

  /** When there is something to do; infinity: not before somebody else has done something. */
  get nextMs(): number {
    // As soon as one of them has come to its end.
    if (this.#population.opening >= MOST_OPENING) return 0;
    const isOneLeft = this.#begun < this.#plan.count;
    let soonest = isOneLeft ? this.#firstDueMs(this.#begun) : Number.POSITIVE_INFINITY;
    if (this.#queue.length > 0) soonest = Math.min(soonest, this.#nextReconnectMs);
    for (const { nextMs } of this.#backingOff) soonest = Math.min(soonest, nextMs);
    return Math.min(soonest, this.#attempts.peek()?.deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  tick(nowMs: number): void {
    if (this.#population.opening >= MOST_OPENING) this.#blockedUntilMs = nowMs;
    this.#beginFirst(nowMs);
    this.#endBackoffs(nowMs);
    this.#serveQueue(nowMs);
    this.#expireAttempts(nowMs);
  }

  /** First connects that are due, and could not begin because too many others were under way. */
  tellUnbegun(nowMs: number): void {
    for (let client = this.#begun; client < this.#plan.count; client += 1) {
      const dueMs = this.#firstDueMs(client);
      if (dueMs > nowMs) return;
      this.#population.connectDue(client, dueMs);
    }
  }

  /** When the first connect of a client is due. */
  #firstDueMs(client: number): number {
    return this.#startMs + client * (1000 / this.#plan.connectRate);
  }

  #beginFirst(nowMs: number): void {
    while (this.#begun < this.#plan.count) {
      const dueMs = this.#firstDueMs(this.#begun);
      if (dueMs > nowMs || this.#population.opening >= MOST_OPENING) return;
      this.#open(this.#begun, dueMs, nowMs);
      this.#begun += 1;
    }
  }

  #endBackoffs(nowMs: number): void {
    for (const queue of this.#backingOff) {
      for (let client = queue.take(nowMs); client !== undefined; client = queue.take(nowMs)) {
        this.enqueue(client, nowMs);
      }
    }
  }

  #serveQueue(nowMs: number): void {
    const gapMs = 1000 / this.#plan.reconnectRate;
    while (this.#nextReconnectMs <= nowMs && this.#population.opening < MOST_OPENING) {
      const client = this.#queue.take();
      if (client === undefined) return;
      this.#isQueued[client] = 0;
      // One that is still closing queues again when it has closed.
      if (!this.#isWanted(client)) continue;
      if (this.#population.stateOf(client) !== ClientState.Offline) {
        if (!this.#population.isOnline(client)) this.#population.connectDue(client, this.#nextReconnectMs);
        continue;
      }
      this.#open(client, this.#nextReconnectMs, nowMs);
      this.#nextReconnectMs += gapMs;
    }
  }

  #open(client: number, dueMs: number, nowMs: number): void {
    const { endpoints, connectTimeoutMs, count, partnersApart } = this.#plan;
    const home = (partnersApart ? placeApart : placeOf)(client, count, endpoints.length);
    // A client comes back to where it was, and looks elsewhere once that has failed.
    const place = home + (this.#failures[client] as number);
    const endpoint = endpoints[place % endpoints.length] as Endpoint;
    const source = this.#sources[this.#opened % this.#sources.length];
    this.#opened += 1;
    const attempt = ((this.#attemptOf[client] as number) + 1) & 0xff_ff;
    this.#attemptOf[client] = attempt;
    this.#attempts.push({ client, attempt, deadlineMs: nowMs + connectTimeoutMs });
    this.#histograms.record('connectLag', nowMs - Math.max(dueMs, this.#blockedUntilMs), dueMs);
    this.#population.connectDue(client, dueMs);
    this.#population.connect(client, endpoint, source);
  }

  /** All attempts have the same time, so the oldest expires first. */
  #expireAttempts(nowMs: number): void {
    for (let oldest = this.#attempts.peek(); oldest; oldest = this.#attempts.peek()) {
      const { client, attempt, deadlineMs } = oldest;
      const state = this.#population.stateOf(client);
      const isOver =
        this.#attemptOf[client] !== attempt || state === ClientState.Online || state === ClientState.Offline;
      if (!isOver && deadlineMs > nowMs) break;
      this.#attempts.take();
      if (!isOver && state !== ClientState.Leaving && state !== ClientState.Ending) this.#onTimeout(client);
    }
  }
}

/** Which of the endpoints a client belongs to: each of them to as many clients, give or take a burst. */
export function placeOf(client: number, clients: number, endpoints: number): number {
  const share = Math.ceil(clients / endpoints);
  const burst = Math.min(ENDPOINT_BURST, share);
  const groupShare = share * ENDPOINT_GROUP;
  const first = Math.floor(client / groupShare) * ENDPOINT_GROUP;
  const size = Math.min(ENDPOINT_GROUP, endpoints - first);
  return first + (Math.floor((client % groupShare) / burst) % size);
}

/**
 * The same where partners go to different ones: the first of each pair as above, the second to each of the other endpoints by
 * turns, so that in the end every node of the server talks to every other one.
 */
export function placeApart(client: number, clients: number, endpoints: number): number {
  const pair = client >> 1;
  const place = placeOf(pair, Math.ceil(clients / 2), endpoints);
  if (client % 2 === 0 || endpoints === 1) return place;
  return (place + 1 + (pair % (endpoints - 1))) % endpoints;
}

/** Loopback is this host's, whichever that is: so the agent chooses, and no plan names an address of its host. */
export function sourcesOf({ endpoints, run, agent, count, transport }: AgentPlan): string[] {
  const isLocal = endpoints.every(({ host }) => isLoopback(host) && isIP(host) === 4);
  return isLocal && transport === 'sockets' ? loopbackSources(run, agent, count) : [];
}
