/** One queue: its highest length since the last report, and what came in and went out since the start. */
export interface QueueReport {
  peak: number;
  arrived: number;
  served: number;
}

/** The length of one queue, and how much has gone through it. */
export class QueueGauge {
  #length = 0;
  #peak = 0;
  #arrived = 0;

  get length(): number {
    return this.#length;
  }

  /** Hot path. */
  add(count = 1): void {
    this.#length += count;
    this.#arrived += count;
    if (this.#length > this.#peak) this.#peak = this.#length;
  }

  /** Hot path. */
  remove(count = 1): void {
    this.#length -= count;
  }

  /** Everything that is in it is done. */
  empty(): void {
    this.#length = 0;
  }

  /** The peak starts anew. */
  report(): QueueReport {
    const report = { peak: this.#peak, arrived: this.#arrived, served: this.#arrived - this.#length };
    this.#peak = this.#length;
    return report;
  }
}
