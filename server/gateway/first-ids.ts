/**
 * Where the ids of a user may start who does not know how many it has used: microseconds since 1970, rising with each
 * call. A user sends less than a message a microsecond, so ids from an earlier login are below. The wall clock is read
 * once, when the process starts: it may be set back meanwhile.
 */
export class FirstIds {
  readonly #nowMs: () => number;
  #last = 0;

  constructor(nowMs = () => performance.timeOrigin + performance.now()) {
    this.#nowMs = nowMs;
  }

  next(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#nowMs() * 1000));
    return this.#last;
  }
}
