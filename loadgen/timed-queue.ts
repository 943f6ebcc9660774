/** A client, and when it is its turn. */
export interface Turn {
  client: number;
  atMs: number;
}

const LEAST_DEAD = 1024;

/** Turns in the order of their times. Taking one moves a head; `shift` of an array of a million moves all the others. */
export class TimedQueue {
  #turns: Turn[] = [];
  #head = 0;

  /** @param turn not sooner than those that are in it */
  push(turn: Turn): void {
    this.#turns.push(turn);
  }

  /** The turns in any order, instead of those that were in it. */
  replace(turns: Turn[]): void {
    this.#turns = turns.sort((one, other) => one.atMs - other.atMs);
    this.#head = 0;
  }

  /** The client whose turn came by `nowMs` and is the soonest, or undefined. */
  take(nowMs: number): number | undefined {
    const turn = this.#turns[this.#head];
    if (turn === undefined || turn.atMs > nowMs) return undefined;
    this.#head += 1;
    if (this.#head > LEAST_DEAD && this.#head * 2 > this.#turns.length) {
      this.#turns = this.#turns.slice(this.#head);
      this.#head = 0;
    }
    return turn.client;
  }
}
