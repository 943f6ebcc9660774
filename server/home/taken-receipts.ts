import type { Receipt } from '../bus/bus.js';
import type { TurnLog } from './turn-log.js';

/** Of each of two generations: a home moves within a second, and is asked to keep some hundred receipts meanwhile. About 200 bytes each. */
const MOST_YOUNG = 2048;

/**
 * The receipts that this home was given last by other homes. While one of those moves it is told nothing, and so not that a receipt is
 * kept here: its next owner sends it again. One that is known here is only answered once more, and does not come twice to its user.
 * Older ones are forgotten, and so are all where this home itself moves or dies: then a receipt may come twice.
 */
export class TakenReceipts {
  #young = new Set<string>();
  #old = new Set<string>();

  /** Hot path. @returns false: it was taken before. It is forgotten where the turn of now is not kept. */
  take(receipt: Receipt, log: TurnLog): boolean {
    const { to, by, id, group, isUndelivered } = receipt;
    const name = `${to} ${by} ${id} ${group} ${isUndelivered ? 1 : 0}`;
    if (this.#young.has(name) || this.#old.has(name)) return false;
    if (this.#young.size >= MOST_YOUNG) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(name);
    log.follow({
      promised: () => undefined,
      dropped: () => {
        this.#young.delete(name);
        this.#old.delete(name);
      },
    });
    return true;
  }
}
