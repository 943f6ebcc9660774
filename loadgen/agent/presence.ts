import type { ClientAction, Phase } from '../../scenarios/scenario.js';
import { type Random, shareOf } from '../random.js';
import type { Connector } from './connector.js';
import type { Population } from './population.js';
import { TimedQueue, type Turn } from './timed-queue.js';

/** Those who go away for a phase leave within its first second: not all in one moment. */
const LEAVING_SPREAD_MS = 1000;

/**
 * Who is meant to be connected. Users who are away for a phase are picked by a hash of their id, so they are the
 * same in every phase; churn picks at random; a cut breaks connections that are meant to be there.
 */
export class Presence {
  readonly #population: Population;
  readonly #connector: Connector;
  readonly #random: Random;
  readonly #seed: number;
  readonly #isAway: Uint8Array;
  /** Clients that are to leave, soonest first, and clients away for a while, soonest back first. */
  readonly #leaving = new TimedQueue();
  readonly #returning = new TimedQueue();
  /** Clients that hang, soonest awake first. */
  #paused: Turn[] = [];
  #churnGapMs = Number.POSITIVE_INFINITY;
  #nextChurnMs = 0;
  #churnEndMs = 0;
  #awayForMs = 0;
  /** Clients that may be picked to send: they have a partner and are not away. */
  #talkers: Int32Array;
  #talkerCount = 0;
  away = 0;

  constructor(population: Population, connector: Connector, random: Random, seed: number) {
    this.#population = population;
    this.#connector = connector;
    this.#random = random;
    this.#seed = seed;
    this.#isAway = new Uint8Array(population.count);
    this.#talkers = new Int32Array(population.count);
    this.#countTalkers();
  }

  isAway(client: number): boolean {
    return this.#isAway[client] === 1;
  }

  /** A client that is meant to be connected, drawn at random; -1 if there is none with a partner. */
  drawTalker(): number {
    return this.#talkerCount === 0 ? -1 : (this.#talkers[this.#random.below(this.#talkerCount)] as number);
  }

  /** @param firstUser user id of client 0 */
  beginPhase(phase: Phase, firstUser: number, atMs: number): void {
    const leaving: Turn[] = [];
    for (let client = 0; client < this.#population.count; client += 1) {
      const shouldBeAway = phase.away > 0 && shareOf(firstUser + client, this.#seed) < phase.away;
      if (shouldBeAway && !this.isAway(client)) {
        leaving.push({ client, atMs: atMs + this.#random.next() * LEAVING_SPREAD_MS });
      } else if (!shouldBeAway && this.isAway(client)) {
        this.#comeBack(client, atMs);
      }
      if (phase.cut > 0 && !shouldBeAway && this.#random.next() < phase.cut) this.#population.cut(client);
    }
    this.#returning.replace([]);
    this.#leaving.replace(leaving);
    // Whoever is about to leave is not asked to send any more: the plan of the phase knows that they are away.
    this.#countTalkers(new Set(leaving.map(({ client }) => client)));
    this.#churnGapMs = phase.churnRate > 0 ? 1000 / phase.churnRate : Number.POSITIVE_INFINITY;
    this.#nextChurnMs = phase.churnRate > 0 ? atMs + this.#churnGapMs : Number.POSITIVE_INFINITY;
    this.#churnEndMs = atMs + phase.durationMs;
    this.#awayForMs = phase.awayForMs;
  }

  /** Breaks a share of the connections, or lets a share of the clients hang. */
  act(action: ClientAction, nowMs: number): void {
    for (let client = 0; client < this.#population.count; client += 1) {
      if (!this.#population.isOnline(client) || this.#random.next() >= action.share) continue;
      if (action.kind === 'cut') {
        this.#population.cut(client);
        continue;
      }
      this.#population.pause(client);
      this.#paused.push({ client, atMs: nowMs + (action.forMs ?? Number.POSITIVE_INFINITY) });
    }
    if (action.kind !== 'pause') return;
    this.#paused.sort((one, other) => one.atMs - other.atMs);
    this.#countTalkers();
  }

  /** Everybody comes back, nobody leaves. */
  recallAll(nowMs: number): void {
    this.#leaving.replace([]);
    this.#returning.replace([]);
    this.#nextChurnMs = Number.POSITIVE_INFINITY;
    this.#wake(Number.POSITIVE_INFINITY);
    for (let client = 0; client < this.#population.count; client += 1) {
      if (this.isAway(client)) this.#comeBack(client, nowMs);
    }
  }

  tick(nowMs: number): void {
    this.#wake(nowMs);
    for (let leaver = this.#leaving.take(nowMs); leaver !== undefined; leaver = this.#leaving.take(nowMs)) {
      this.#goAway(leaver);
    }
    while (this.#nextChurnMs <= nowMs && this.#nextChurnMs < this.#churnEndMs) {
      const atMs = this.#nextChurnMs;
      this.#nextChurnMs += this.#churnGapMs;
      const client = this.#random.below(this.#population.count);
      if (this.isAway(client) || !this.#population.isOnline(client)) continue;
      this.#goAway(client);
      this.#returning.push({ client, atMs: atMs + this.#awayForMs });
    }
    for (
      let client = this.#returning.take(nowMs);
      client !== undefined;
      client = this.#returning.take(nowMs)
    ) {
      if (this.isAway(client)) this.#comeBack(client, nowMs);
    }
  }

  #wake(nowMs: number): void {
    const [soonest] = this.#paused;
    if (soonest === undefined || soonest.atMs > nowMs) return;
    for (const { client } of this.#paused.filter(({ atMs }) => atMs <= nowMs))
      this.#population.resume(client);
    this.#paused = this.#paused.filter(({ atMs }) => atMs > nowMs);
    this.#countTalkers();
  }

  #goAway(client: number): void {
    this.#isAway[client] = 1;
    this.away += 1;
    this.#population.sendAway(client);
  }

  #comeBack(client: number, nowMs: number): void {
    this.#isAway[client] = 0;
    this.away -= 1;
    this.#connector.enqueue(client, nowMs);
  }

  #countTalkers(leaving: Set<number> = new Set()): void {
    this.#talkerCount = 0;
    for (let client = 0; client < this.#population.count; client += 1) {
      if (this.isAway(client) || this.#population.isPaused(client) || leaving.has(client)) continue;
      if (!this.#population.hasPartner(client)) continue;
      this.#talkers[this.#talkerCount] = client;
      this.#talkerCount += 1;
    }
  }
}
