import { Fifo } from '../../fifo.js';

/** How exactly a time-out is kept. */
export const TICK_MS = 50;
const SLOTS = 512;
/** Time-outs that one call handles. */
const MOST_TIMEOUTS = 256;

/**
 * Time-outs of many connections, one each: a slot for every tick, a connection in one slot at most. Moving a time-out
 * only writes its new tick; the connection moves when its old slot comes up.
 */
export class RetransmissionWheel {
  readonly #slots: number[][] = Array.from({ length: SLOTS }, () => []);
  /** Tick at which a connection times out; 0: it does not. */
  readonly #due: Uint32Array;
  /** Tick of the slot that a connection is in; 0: in none. An entry of another slot is left over, and void. */
  readonly #slotTick: Uint32Array;
  /** Their time has come, oldest first. */
  readonly #overdue = new Fifo<number>();
  #tick = 1;
  #nowMs: number;

  constructor(connections: number, nowMs: number) {
    this.#due = new Uint32Array(connections);
    this.#slotTick = new Uint32Array(connections);
    this.#nowMs = nowMs;
  }

  isArmed(connection: number): boolean {
    return this.#due[connection] !== 0;
  }

  /** Times out `delayMs` from now, instead of whenever it was to. */
  arm(connection: number, delayMs: number): void {
    const due = this.#tick + Math.max(1, Math.ceil(delayMs / TICK_MS));
    this.#due[connection] = due;
    const slotTick = this.#slotTick[connection] as number;
    if (slotTick === 0 || due < slotTick) this.#put(connection, due);
  }

  disarm(connection: number): void {
    this.#due[connection] = 0;
  }

  /**
   * Calls `timeOut` for the connections whose time has come. When they are many, the rest has to wait for the next
   * call: between repeating what was sent there must be time to hear the answers.
   */
  advance(nowMs: number, timeOut: (connection: number) => void): void {
    while (this.#nowMs + TICK_MS <= nowMs) {
      this.#nowMs += TICK_MS;
      this.#tick += 1;
      this.#empty(this.#tick % SLOTS);
    }
    for (let calls = Math.min(MOST_TIMEOUTS, this.#overdue.length); calls > 0; calls -= 1) {
      const connection = this.#overdue.take() as number;
      const due = this.#due[connection] as number;
      // Disarmed, or put off, since it became due.
      if (due === 0 || due > this.#tick) continue;
      this.#due[connection] = 0;
      timeOut(connection);
    }
  }

  #empty(slot: number): void {
    const connections = this.#slots[slot] as number[];
    if (connections.length === 0) return;
    this.#slots[slot] = [];
    for (const connection of connections) {
      if (this.#slotTick[connection] !== this.#tick) continue;
      this.#slotTick[connection] = 0;
      const due = this.#due[connection] as number;
      if (due > this.#tick) this.#put(connection, due);
      else if (due !== 0) this.#overdue.push(connection);
    }
  }

  /** What is further away than the wheel is round is put off to its end, and looked at again there. */
  #put(connection: number, due: number): void {
    const tick = Math.min(due, this.#tick + SLOTS - 1);
    this.#slotTick[connection] = tick;
    (this.#slots[tick % SLOTS] as number[]).push(connection);
  }
}
