/** Upper bounds in seconds: 1, 2.5, 5 in each decade, from a tenth of a millisecond to a minute. */
export const LATENCY_BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60,
];

const US_PER_SECOND = 1e6;
const BOUNDS_US = LATENCY_BOUNDS.map((seconds) => Math.round(seconds * US_PER_SECOND));

/** Values that were recorded, and how often each: as the recording hands them on, every second. */
export interface RecordedCounts {
  /** @param visit gets a value in microseconds, to three digits, and how often it came */
  forEach(visit: (microseconds: number, count: number) => void): void;
}

/** Everything that one kind of latency was since the run began, in the buckets of a histogram. */
export class LatencyBuckets {
  readonly counts: number[] = new Array(BOUNDS_US.length + 1).fill(0);
  /** Seconds. */
  sum = 0;

  add(recorded: RecordedCounts): void {
    recorded.forEach((microseconds, count) => {
      const found = BOUNDS_US.findIndex((bound) => microseconds <= bound);
      const bucket = found < 0 ? BOUNDS_US.length : found;
      this.counts[bucket] = (this.counts[bucket] as number) + count;
      this.sum += (microseconds / US_PER_SECOND) * count;
    });
  }
}
