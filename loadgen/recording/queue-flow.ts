const MS_PER_SECOND = 1000;

/** A queue when it was longest. */
export interface Behind {
  /** Length over the highest rate at which it was ever served; or how long it stood still, if that is longer. */
  behindMs: number;
  /** Rates of the reading with the highest length. */
  arrivedPerSecond: number;
  servedPerSecond: number;
}

/**
 * What came into one queue and went out, reading by reading. The highest rate at which it was ever served stands for
 * what its server can do, so how far it is behind is at most what is told. How long an item waits on average follows
 * from Little's law, W = L / lambda (J. D. C. Little, "A Proof for the Queuing Formula: L = lambda W", Operations
 * Research 9, 1961).
 */
export class QueueFlow {
  #last: { arrived: number; served: number; atMs: number } | undefined;
  #firstMs = 0;
  #arrived = 0;
  #longest = 0;
  #ratesAtLongest = { arrivedPerSecond: 0, servedPerSecond: 0 };
  #mostServedPerSecond = 0;
  #stillMs = 0;
  #longestStillMs = 0;

  /**
   * @param arrived since the server started, as `served`
   * @param longest length since the last reading
   * @param atMs of the reading, on the server's clock
   */
  read(arrived: number, served: number, longest: number, atMs: number): void {
    const last = this.#last;
    this.#last = { arrived, served, atMs };
    // A server that was started again counts from zero.
    if (!last || arrived < last.arrived || atMs <= last.atMs) {
      this.#firstMs ||= atMs;
      return;
    }
    const elapsedMs = atMs - last.atMs;
    const servedPerSecond = (Math.max(0, served - last.served) * MS_PER_SECOND) / elapsedMs;
    const arrivedPerSecond = ((arrived - last.arrived) * MS_PER_SECOND) / elapsedMs;
    this.#arrived += arrived - last.arrived;
    this.#mostServedPerSecond = Math.max(this.#mostServedPerSecond, servedPerSecond);
    // The peak may be older than the counts: what is still in it tells whether it stands.
    this.#stillMs = arrived > served && servedPerSecond === 0 ? this.#stillMs + elapsedMs : 0;
    this.#longestStillMs = Math.max(this.#longestStillMs, this.#stillMs);
    if (longest <= this.#longest) return;
    this.#longest = longest;
    this.#ratesAtLongest = { arrivedPerSecond, servedPerSecond };
  }

  /** Undefined where it never held anything. */
  get worst(): Behind | undefined {
    if (this.#longest === 0) return undefined;
    const atBestMs =
      this.#mostServedPerSecond === 0 ? 0 : (this.#longest * MS_PER_SECOND) / this.#mostServedPerSecond;
    return { behindMs: Math.max(atBestMs, this.#longestStillMs), ...this.#ratesAtLongest };
  }

  /** @param meanLength over the run; null where nothing came */
  waitMs(meanLength: number): number | null {
    const elapsedMs = (this.#last?.atMs ?? 0) - this.#firstMs;
    return this.#arrived === 0 || elapsedMs <= 0 ? null : (meanLength * elapsedMs) / this.#arrived;
  }
}
