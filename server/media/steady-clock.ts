/**
 * The time of the wall, but never ahead of the time that has really passed since the start: a clock that is set forward
 * by mistake makes nothing old.
 */
export class SteadyClock {
  readonly #startedAtMs = Date.now();
  readonly #startedMs = performance.now();

  nowMs(): number {
    return Math.min(Date.now(), this.#startedAtMs + performance.now() - this.#startedMs);
  }
}
