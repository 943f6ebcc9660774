import { Fifo } from '../fifo.js';

/** A client, and when it is its turn. */
export interface Turn {
  client: number;
  atMs: number;
}

/** Turns in the order of their times. */
export class TimedQueue {
  #turns = new Fifo<Turn>();

  /** @param turn not sooner than those that are in it */
  push(turn: Turn): void {
    this.#turns.push(turn);
  }

  /** When the soonest comes; infinity: there is none. */
  get nextMs(): number {
    return this.#turns.peek()?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** The turns in any order, instead of those that were in it. */
  replace(turns: Turn[]): void {
    this.#turns = new Fifo();
    for (const turn of turns.sort((one, other) => one.atMs - other.atMs)) this.#turns.push(turn);
  }

  /** The client whose turn came by `nowMs` and is the soonest, or undefined. */
  take(nowMs: number): number | undefined {
    const turn = this.#turns.peek();
    return turn === undefined || turn.atMs > nowMs ? undefined : this.#turns.take()?.client;
  }
}
