import type { MessagePlan } from '../../scenarios/scenario.js';
import type { Random } from '../random.js';

/** A second; from the one at the beginning evenly to the other at the end. */
export interface RateSpan {
  from: number;
  to: number;
}

/**
 * The times at which something falls due in an open workload: fixed by rate and seed alone, whatever the
 * system under test does. `poisson`: exponential gaps; `constant`: even gaps, begun at a random point of the
 * first, so that messages, uploads and downloads do not beat together.
 */
export class Arrivals {
  readonly #random: Random;
  readonly #gapMs: number;
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #isPoisson: boolean;
  /** Undefined: the rate stays the same. */
  readonly #ramp: Ramp | undefined;
  /** Of a ramp: how many should have fallen due by the next, the gaps of a rate of one summed up. */
  #passed = 0;
  #nextMs: number;

  /** @param rate 0: nothing ever falls due */
  constructor(kind: MessagePlan['arrival'], rate: RateSpan, startMs: number, endMs: number, random: Random) {
    this.#random = random;
    this.#isPoisson = kind === 'poisson';
    this.#startMs = startMs;
    this.#endMs = endMs;
    this.#ramp = rate.from === rate.to ? undefined : new Ramp(rate, endMs - startMs);
    this.#gapMs = rate.from > 0 ? 1000 / rate.from : Number.POSITIVE_INFINITY;
    if (this.#ramp) this.#nextMs = this.#nextOfRamp(this.#ramp, this.#firstGap());
    else this.#nextMs = rate.from > 0 ? startMs + this.#gapMs * this.#firstGap() : Number.POSITIVE_INFINITY;
  }

  /** When the next falls due, also where that time is still to come; Infinity: nothing does any more. */
  get nextMs(): number {
    return this.#nextMs < this.#endMs ? this.#nextMs : Number.POSITIVE_INFINITY;
  }

  /** Hot path. The next due time at or before `nowMs`, taken out; undefined when there is none. */
  take(nowMs: number): number | undefined {
    const due = this.#nextMs;
    if (due > nowMs || due >= this.#endMs) return undefined;
    const gap = this.#isPoisson ? this.#random.exponential() : 1;
    this.#nextMs = this.#ramp ? this.#nextOfRamp(this.#ramp, gap) : due + this.#gapMs * gap;
    return due;
  }

  #firstGap(): number {
    return this.#isPoisson ? this.#random.exponential() : this.#random.next();
  }

  #nextOfRamp(ramp: Ramp, gap: number): number {
    this.#passed += gap;
    return this.#startMs + ramp.timeOf(this.#passed);
  }
}

/**
 * A rate that goes evenly to another. Arrivals at it are those of a rate of one with another measure of time: the number that
 * should have fallen due until then. So no step of the rate is ever rounded, and the sum is exact.
 */
class Ramp {
  /** At the beginning, a millisecond. */
  readonly #from: number;
  /** Half of what is gained a millisecond. */
  readonly #halfGain: number;
  /** What should fall due in all. */
  readonly #sum: number;

  constructor({ from, to }: RateSpan, durationMs: number) {
    this.#from = from / 1000;
    this.#halfGain = (to - from) / 1000 / durationMs / 2;
    this.#sum = ((from + to) / 2 / 1000) * durationMs;
  }

  /** Hot path. Milliseconds from the beginning until so many should have fallen due; Infinity: so many never should. */
  timeOf(count: number): number {
    if (count >= this.#sum) return Number.POSITIVE_INFINITY;
    if (count <= 0) return 0;
    // Of halfGain * t^2 + from * t = count, the solution that also holds where the gain is next to nothing.
    return (2 * count) / (this.#from + Math.sqrt(Math.max(0, this.#from ** 2 + 4 * this.#halfGain * count)));
  }
}
