import { steadyNow } from '../steady-clock.js';
import { type HomeStore, VALUE_OFFSET } from '../store/home-store.js';
import { KeyKind, numbersKey } from '../store/store-keys.js';

/** After a longer absence the clock goes on from where it stood: a server cannot tell a long absence from a wrong clock. */
const LONGEST_ABSENCE_MS = 24 * 3600 * 1000;

/** How often it is written down. */
const KEEP_EVERY_MS = 60_000;

/** A clock stands for a store, and belongs to nobody. */
const KEY = numbersKey(KeyKind.Clock, 0);

/**
 * The time that items grow old by: that of the machine, but it never goes back, and a start under a clock that is wrong by
 * days makes nothing old. Kept in the store, so it goes on from there.
 */
export class HomeClock {
  readonly #store: HomeStore;
  readonly #aheadMs: number;
  #keptMs = 0;

  constructor(store: HomeStore) {
    this.#store = store;
    const kept = store.get(KEY)?.readDoubleLE(VALUE_OFFSET);
    const wall = steadyNow();
    const isPlausible = kept === undefined || (wall >= kept && wall - kept <= LONGEST_ABSENCE_MS);
    this.#aheadMs = isPlausible ? 0 : kept - wall;
  }

  /** Milliseconds since 1970, if the machine's clock was never wrong. */
  now(): number {
    return steadyNow() + this.#aheadMs;
  }

  /** Stages it now and then; between two turns. */
  keep(): void {
    const now = this.now();
    if (!this.#store.isDurable || now - this.#keptMs < KEEP_EVERY_MS) return;
    this.#keptMs = now;
    const value = Buffer.alloc(VALUE_OFFSET + 8);
    value.writeDoubleLE(now, VALUE_OFFSET);
    this.#store.stage(KEY, value);
  }
}
