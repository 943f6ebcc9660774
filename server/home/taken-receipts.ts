import type { Receipt } from '../bus/bus.js';
import type { Consequence, TurnLog } from './turn-log.js';

/** Of each of two generations: a home moves within a second, and is asked to keep some hundred receipts meanwhile. About 150 bytes each. */
const MOST_YOUNG = 2048;

/** Receipts by a key of 32 bits, which are numbers for the sake of speed: a text of each receipt took 3.4 % of a home's CPU. */
type Generation = Map<number, Receipt>;

/**
 * The receipts that this home was given last by other homes. While one of those moves it is told nothing, and so not that a receipt is
 * kept here: its next owner sends it again. One that is known here is only answered once more, and does not come twice to its user.
 * Older ones are forgotten, one now and then whose key another has, and all where this home itself moves or dies: then a receipt may
 * come twice.
 */
export class TakenReceipts {
  #young: Generation = new Map();
  #old: Generation = new Map();

  /** Hot path. @returns false: it was taken before. It is forgotten where the turn of now is not kept. */
  take(receipt: Receipt, log: TurnLog): boolean {
    const key = keyOf(receipt);
    if (areSame(this.#young.get(key), receipt) || areSame(this.#old.get(key), receipt)) return false;
    if (this.#young.size >= MOST_YOUNG) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, receipt);
    log.follow(new Taking(this.#young, key, receipt));
    return true;
  }
}

/** One object for each receipt, and no closures. */
class Taking implements Consequence {
  readonly #generation: Generation;
  readonly #key: number;
  readonly #receipt: Receipt;

  constructor(generation: Generation, key: number, receipt: Receipt) {
    this.#generation = generation;
    this.#key = key;
    this.#receipt = receipt;
  }

  promised(): void {
    // It is known already.
  }

  dropped(): void {
    if (this.#generation.get(this.#key) === this.#receipt) this.#generation.delete(this.#key);
  }
}

/** Hot path. Ids of a user follow each other, and so do users: the multiplications scatter them over all bits. */
function keyOf({ to, by, id, group, isUndelivered }: Receipt): number {
  let key = Math.imul(to, 0x9e3779b1);
  key = Math.imul(key ^ by, 0x85ebca6b);
  key = Math.imul(key ^ (key >>> 15) ^ id, 0xc2b2ae35);
  key = Math.imul(key ^ (key >>> 13) ^ group, 0x27d4eb2f);
  return key ^ (key >>> 16) ^ (isUndelivered ? 1 : 0);
}

/** Hot path. */
function areSame(one: Receipt | undefined, other: Receipt): boolean {
  return (
    one !== undefined &&
    one.to === other.to &&
    one.by === other.by &&
    one.id === other.id &&
    one.group === other.group &&
    one.isUndelivered === other.isUndelivered
  );
}
