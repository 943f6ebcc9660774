import type { MessagePlan } from '../../scenarios/scenario.js';
import type { Random } from '../random.js';

/**
 * The times at which something falls due in an open workload: fixed by rate and seed alone, whatever the
 * system under test does. `poisson`: exponential gaps; `constant`: even gaps, begun at a random point of the
 * first, so that messages, uploads and downloads do not beat together.
 */
export class Arrivals {
  readonly #random: Random;
  readonly #gapMs: number;
  readonly #endMs: number;
  readonly #isPoisson: boolean;
  #nextMs: number;

  /** @param rate a second; 0: nothing ever falls due */
  constructor(kind: MessagePlan['arrival'], rate: number, startMs: number, endMs: number, random: Random) {
    this.#random = random;
    this.#isPoisson = kind === 'poisson';
    this.#gapMs = rate > 0 ? 1000 / rate : Number.POSITIVE_INFINITY;
    this.#endMs = endMs;
    this.#nextMs =
      startMs + (rate > 0 ? this.#gapMs * (this.#isPoisson ? random.exponential() : random.next()) : 0);
    if (rate <= 0) this.#nextMs = Number.POSITIVE_INFINITY;
  }

  /** When the next falls due, also where that time is still to come; Infinity: nothing does any more. */
  get nextMs(): number {
    return this.#nextMs < this.#endMs ? this.#nextMs : Number.POSITIVE_INFINITY;
  }

  /** Hot path. The next due time at or before `nowMs`, taken out; undefined when there is none. */
  take(nowMs: number): number | undefined {
    const due = this.#nextMs;
    if (due > nowMs || due >= this.#endMs) return undefined;
    this.#nextMs = due + this.#gapMs * (this.#isPoisson ? this.#random.exponential() : 1);
    return due;
  }
}
