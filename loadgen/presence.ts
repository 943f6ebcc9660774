import type { Phase } from '../scenarios/scenario.js';
import type { Connector } from './connector.js';
import type { Population } from './population.js';
import { type Random, shareOf } from './random.js';

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
  #leaving: { client: number; atMs: number }[] = [];
  #returning: { client: number; atMs: number }[] = [];
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
    this.#leaving = [];
    for (let client = 0; client < this.#population.count; client += 1) {
      const shouldBeAway = phase.away > 0 && shareOf(firstUser + client, this.#seed) < phase.away;
      if (shouldBeAway && !this.isAway(client)) {
        this.#leaving.push({ client, atMs: atMs + this.#random.next() * LEAVING_SPREAD_MS });
      } else if (!shouldBeAway && this.isAway(client)) {
        this.#comeBack(client, atMs);
      }
      if (phase.cut > 0 && !shouldBeAway && this.#random.next() < phase.cut) this.#population.cut(client);
    }
    this.#returning = [];
    this.#leaving.sort((a, b) => a.atMs - b.atMs);
    // Whoever is about to leave is not asked to send any more: the plan of the phase knows that they are away.
    this.#countTalkers(new Set(this.#leaving.map(({ client }) => client)));
    this.#churnGapMs = phase.churnRate > 0 ? 1000 / phase.churnRate : Number.POSITIVE_INFINITY;
    this.#nextChurnMs = phase.churnRate > 0 ? atMs + this.#churnGapMs : Number.POSITIVE_INFINITY;
    this.#churnEndMs = atMs + phase.durationMs;
    this.#awayForMs = phase.awayForMs;
  }

  /** Everybody comes back, nobody leaves. */
  recallAll(nowMs: number): void {
    this.#leaving = [];
    this.#returning = [];
    this.#nextChurnMs = Number.POSITIVE_INFINITY;
    for (let client = 0; client < this.#population.count; client += 1) {
      if (this.isAway(client)) this.#comeBack(client, nowMs);
    }
  }

  tick(nowMs: number): void {
    while (this.#leaving[0] && this.#leaving[0].atMs <= nowMs) {
      this.#goAway((this.#leaving.shift() as { client: number }).client);
    }
    while (this.#nextChurnMs <= nowMs && this.#nextChurnMs < this.#churnEndMs) {
      const atMs = this.#nextChurnMs;
      this.#nextChurnMs += this.#churnGapMs;
      const client = this.#random.below(this.#population.count);
      if (this.isAway(client) || !this.#population.isOnline(client)) continue;
      this.#goAway(client);
      this.#returning.push({ client, atMs: atMs + this.#awayForMs });
    }
    while (this.#returning[0] && this.#returning[0].atMs <= nowMs) {
      const { client } = this.#returning.shift() as { client: number };
      if (this.isAway(client)) this.#comeBack(client, nowMs);
    }
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
      if (this.isAway(client) || leaving.has(client) || this.#population.partnerOf(client) < 0) continue;
      this.#talkers[this.#talkerCount] = client;
      this.#talkerCount += 1;
    }
  }
}
