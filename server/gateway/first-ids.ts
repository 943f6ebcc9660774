/**
 * Where the ids of a user may start who does not know how many it has used: microseconds since 1970, rising with each
 * call. A user sends less than a message a microsecond, so ids from an earlier login are below. The wall clock is read
 * once, when the process starts: it may be set back meanwhile. In a cluster a user may come from a node whose clock is ahead.
 */
export class FirstIds {
  readonly #nowMs: () => number;
  #last = 0;
  /** How far the clock of another node is ahead of this one's, at most. */
  #aheadMs = 0;

  constructor(nowMs = () => performance.timeOrigin + performance.now()) {
    this.#nowMs = nowMs;
  }

  /** A node from which users may come has said what time it is there, milliseconds since 1970, a moment ago. */
  heard(clockMs: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, clockMs - this.#nowMs());
  }

  next(): number {
    const nowMs = this.#nowMs() + this.#aheadMs;
    this.#last = Math.max(this.#last + 1, Math.floor(nowMs * 1000));
    return this.#last;
  }
}
