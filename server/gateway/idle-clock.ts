/** Ticks within a time-out: fine enough that what is late by one of them is late by little. */
const TICKS_A_TIMEOUT = 128;

/**
 * Tells what was not heard for a time-out, without a clock being read for each thing that is heard: those who are heard
 * remember the number of the tick. It is exact in one direction: never is anything overdue too early.
 */
export class IdleClock {
  readonly #timeoutMs: number;
  /** When `overdueTick` and those behind it began. */
  readonly #tickMs: number[] = [];
  #tick = 0;
  #overdueTick = 0;

  /** @param nowMs of any clock that does not go back, the same one as in `look` */
  constructor(timeoutMs: number, nowMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#tickMs.push(nowMs);
  }

  /** The tick that runs. */
  get tick(): number {
    return this.#tick;
  }

  /** True where the newest thing was heard in `tick`, and the time-out is over since its end. */
  isOverdue(tick: number): boolean {
    return tick < this.#overdueTick;
  }

  /** To be called often: a tick ends with the first call that finds it long enough. */
  look(nowMs: number): void {
    const startedMs = this.#tickMs.at(-1) as number;
    if (nowMs - startedMs >= this.#timeoutMs / TICKS_A_TIMEOUT) {
      this.#tick += 1;
      this.#tickMs.push(nowMs);
    }
    // The end of a tick is the start of the next: what was heard last in it was heard before that.
    while (this.#tickMs.length > 1 && nowMs - (this.#tickMs[1] as number) >= this.#timeoutMs) {
      this.#tickMs.shift();
      this.#overdueTick += 1;
    }
  }
}
