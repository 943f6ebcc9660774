/**
 * A token bucket: `perSecond` tokens a second come in, at most `perSecond` are kept, and each thing that is let
 * through takes one, or what it costs.
 */
export class RateLimit {
  readonly #perSecond: number;
  #tokens: number;
  #filledMs: number;

  /** @param nowMs of any clock that does not go back, the same one as in `admits` */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    // A rate below one a second must let the first through.
    this.#tokens = Math.max(1, perSecond);
    this.#filledMs = nowMs;
  }

  /** True where nothing was taken for so long that a new one would be no different. */
  isFull(nowMs: number): boolean {
    return this.#tokens + ((nowMs - this.#filledMs) * this.#perSecond) / 1000 >= Math.max(1, this.#perSecond);
  }

  /** Hot path. Takes `cost` tokens if there are so many; what costs more than can be kept takes all of them. */
  admits(nowMs: number, cost = 1): boolean {
    const most = Math.max(1, this.#perSecond);
    // Two messages of one turn have the same time.
    if (nowMs !== this.#filledMs) {
      this.#tokens = Math.min(most, this.#tokens + ((nowMs - this.#filledMs) * this.#perSecond) / 1000);
      this.#filledMs = nowMs;
    }
    const taken = Math.min(cost, most);
    if (this.#tokens < taken) return false;
    this.#tokens -= taken;
    return true;
  }
}
