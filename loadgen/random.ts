/** Of mulberry32, from one state to the next. */
const STEP = 0x6d2b_79f5;

/** A stream of numbers in [0, 1) that is the same for the same seed: mulberry32 (Tommy Ettinger, public domain). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Goes on as a new one of this seed would. */
  restart(seed: number): void {
    this.#state = seed | 0;
  }

  next(): number {
    this.#state = (this.#state + STEP) | 0;
    return mixed(this.#state);
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** From the exponential distribution with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.next());
  }

  /** From the standard normal distribution (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}

/** A stream of its own for one purpose: what another one takes does not shift it. */
export function randomStream(seed: number, purpose: string): Random {
  return new Random(seedFor(seed, purpose));
}

/** A seed of its own for one purpose. The hash is FNV-1a. */
export function seedFor(seed: number, purpose: string): number {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < purpose.length; at += 1) hash = Math.imul(hash ^ purpose.charCodeAt(at), 0x0100_0193);
  return hash ^ Math.imul(seed + 1, 0x85eb_ca6b);
}

/** Hot path. Seed number `index` of many, far from that of its neighbours: the finalizer of MurmurHash3. */
export function nthSeed(seed: number, index: number): number {
  let hash = Math.imul(index, 0x9e37_79b1) ^ seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

/** A number in [0, 1) for `key`, always the same: decides things about a user without storing them. */
export function shareOf(key: number, seed: number): number {
  return mixed(((Math.imul(key, 0x9e37_79b1) ^ Math.imul(seed + 1, 0x85eb_ca6b)) + STEP) | 0);
}

/** What a state of mulberry32 gives. */
function mixed(state: number): number {
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
}
