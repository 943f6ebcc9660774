const MS_PER_SECOND = 1000;
/** A rate over a shorter time makes a rate of every burst. */
const RATE_WINDOW_MS = 1000;
/** Of a queue that holds something for hours: past this many readings of it, every other one is dropped. */
const MOST_ARRIVALS = 256;

/** A queue as one process of the server reported it. */
export interface QueueReading {
  /** On the clock of whoever reported. */
  atMs: number;
  /** What came in and what went out since the server started. */
  arrived: number;
  served: number;
  /** Highest length since the reading before. */
  peak: number;
}

/** Rates of the second that ended when a queue was longest. */
export interface RatesAtLongest {
  arrivedPerSecond: number;
  servedPerSecond: number;
}

/**
 * What came into one queue and went out, reading by reading: two curves over time, of arrivals and of departures. Their
 * vertical distance is the length of the queue; their horizontal distance is how long the oldest item has waited, if
 * items leave in the order in which they came, and some item has waited at least that long if they do not (G. F. Newell,
 * "Applications of Queueing Theory", 1982, chapter 1). The area between them over the arrivals is the mean wait: Little's
 * law, W = L / lambda (J. D. C. Little, "A Proof for the Queuing Formula: L = lambda W", Operations Research 9, 1961).
 */
export class QueueFlow {
  #last: QueueReading | undefined;
  /** Since which reading each item has been in, at the latest: the first reading that counts it. */
  #arrivals: { atMs: number; arrived: number }[] = [];
  /** Readings of about the last second, for rates. */
  #recent: QueueReading[] = [];
  #longest = 0;
  #ratesAtLongest: RatesAtLongest | undefined;
  #mostServedPerSecond = 0;
  #waitedMs = 0;
  /** Highest peak, and the time between the readings around it: it lasted no longer than that. */
  #highestPeak = { length: 0, withinMs: 0 };
  #elapsedMs = 0;
  #busyMs = 0;
  #arrivedInAll = 0;
  /** Items times milliseconds. */
  #area = 0;

  /** Takes a reading; one that is not newer than the last says nothing new. */
  read(reading: QueueReading): void {
    const last = this.#last;
    if (last && reading.atMs <= last.atMs) return;
    this.#last = reading;
    // A server that was started again counts from zero.
    if (!last || reading.arrived < last.arrived) {
      this.#recent = [reading];
      this.#arrivals = reading.arrived > reading.served ? [reading] : [];
      return;
    }
    this.#integrate(last, reading);
    this.#findOldest(reading);
    this.#measureRates(reading);
    this.#notePeak(last, reading);
  }

  /**
   * How long an item had waited, milliseconds: at least, by the counts; for what was served between two readings, its
   * number over the best rate at which the queue was ever served, and no longer than the readings were apart.
   */
  get behindMs(): number {
    const { length, withinMs } = this.#highestPeak;
    const most = this.#mostServedPerSecond;
    return Math.max(this.#waitedMs, most === 0 ? 0 : Math.min(withinMs, (length * MS_PER_SECOND) / most));
  }

  /** Undefined where it never held anything. */
  get ratesAtLongest(): RatesAtLongest | undefined {
    return this.#ratesAtLongest;
  }

  /** By time: what was in it for long counts for long. Null before two readings. */
  get meanLength(): number | null {
    return this.#elapsedMs === 0 ? null : this.#area / this.#elapsedMs;
  }

  /** Share of the time in which something was in it; null before two readings. */
  get busyShare(): number | null {
    return this.#elapsedMs === 0 ? null : this.#busyMs / this.#elapsedMs;
  }

  /** Mean wait of an item; null where nothing came. */
  get waitMs(): number | null {
    return this.#arrivedInAll === 0 ? null : this.#area / this.#arrivedInAll;
  }

  #integrate(last: QueueReading, now: QueueReading): void {
    const elapsedMs = now.atMs - last.atMs;
    const [before, after] = [last.arrived - last.served, now.arrived - now.served];
    this.#elapsedMs += elapsedMs;
    this.#area += (elapsedMs * (before + after)) / 2;
    if (after > 0) this.#busyMs += elapsedMs;
    this.#arrivedInAll += now.arrived - last.arrived;
  }

  #findOldest({ atMs, arrived, served }: QueueReading): void {
    if (arrived > (this.#arrivals.at(-1)?.arrived ?? 0)) this.#arrivals.push({ atMs, arrived });
    // The first that is left counts the oldest item that has not gone out.
    while (this.#arrivals[0] && this.#arrivals[0].arrived <= served) this.#arrivals.shift();
    const oldest = this.#arrivals[0];
    if (oldest) this.#waitedMs = Math.max(this.#waitedMs, atMs - oldest.atMs);
    // Without a reading an item counts from a later one. It is then said to have waited less, which is still true as "at least".
    if (this.#arrivals.length > MOST_ARRIVALS)
      this.#arrivals = this.#arrivals.filter((_, index) => index % 2 === 0);
  }

  #measureRates(reading: QueueReading): void {
    this.#recent.push(reading);
    while (this.#recent[1] && reading.atMs - this.#recent[1].atMs >= RATE_WINDOW_MS) this.#recent.shift();
    const [from] = this.#recent as [QueueReading];
    if (reading.atMs - from.atMs < RATE_WINDOW_MS) return;
    this.#mostServedPerSecond = Math.max(
      this.#mostServedPerSecond,
      ratesBetween(from, reading).servedPerSecond,
    );
  }

  #notePeak(last: QueueReading, reading: QueueReading): void {
    const { atMs, arrived, served, peak } = reading;
    if (peak > this.#highestPeak.length) this.#highestPeak = { length: peak, withinMs: atMs - last.atMs };
    const longest = Math.max(peak, arrived - served);
    if (longest <= this.#longest) return;
    this.#longest = longest;
    this.#ratesAtLongest = ratesBetween(this.#recent[0] as QueueReading, reading);
  }
}

/** What went back into the queue, because its reader left, came in once more. */
function ratesBetween(from: QueueReading, to: QueueReading): RatesAtLongest {
  const seconds = (to.atMs - from.atMs) / MS_PER_SECOND;
  const served = to.served - from.served;
  return {
    arrivedPerSecond: (to.arrived - from.arrived + Math.max(0, -served)) / seconds,
    servedPerSecond: Math.max(0, served) / seconds,
  };
}
