import { type Histogram, HistogramLogWriter } from 'hdr-histogram-js';
import { LATENCY_KINDS, type LatencySummary } from '../../record/run.js';
import type { IntervalLatency, TimelineSample } from '../../record/timeline.js';
import {
  LAG_KINDS,
  MEDIA_KINDS,
  type RecordedKind,
  type RecordedLatency,
} from '../agent/interval-histograms.js';
import { LatencyCounts } from './latency-counts.js';
import { withStrictHeader } from './strict-histogram.js';

const KINDS: readonly RecordedKind[] = [
  ...LATENCY_KINDS,
  ...LAG_KINDS,
  ...MEDIA_KINDS.flatMap((kind) => [kind, `${kind}Lag`] as const),
];
/** Histograms count microseconds, people read milliseconds. */
const MICROSECONDS_PER_MS = 1000;

type Kinds = Map<RecordedKind, LatencyCounts>;

/** What one source recorded in one interval. */
export interface RecordedSample {
  latency: RecordedLatency;
}

/** What the agents recorded in one interval, added up. */
export interface MergedInterval {
  latency: TimelineSample['latency'];
  lagP99Ms: number | null;
  lagMaxMs: number | null;
  /** All of it, by kind. */
  counts: ReadonlyMap<RecordedKind, LatencyCounts>;
}

/**
 * Adds the agents' histograms, interval by interval and over the run, and writes the intervals in HdrHistogram's
 * log format (https://github.com/HdrHistogram/HdrHistogram, HistogramLogWriter), one tag a kind.
 */
export class LatencyRecorder {
  readonly #writer: HistogramLogWriter;
  /** What came in the interval, by phase; empty between two of them. */
  readonly #interval = new Map<string, Kinds>();
  readonly #totals: Kinds = new Map();
  readonly #ofPhases = new Map<string, Kinds>();
  readonly #lagOf: (source: RecordedSample) => LatencyCounts | undefined;

  /**
   * @param write takes the text of the log
   * @param startedAtMs wall clock, milliseconds since 1970
   * @param lagOf where the lag that is in a sample is added as well; undefined: nowhere
   */
  constructor(
    write: (text: string) => void,
    startedAtMs: number,
    lagOf: (source: RecordedSample) => LatencyCounts | undefined = () => undefined,
  ) {
    this.#lagOf = lagOf;
    // The writer ends its line of the start time twice, and not every reader takes an empty line.
    this.#writer = new HistogramLogWriter((text) => write(withStrictHeader(text.replace(/\n+$/, '\n'))));
    this.#writer.outputLogFormatVersion();
    this.#writer.outputComment('c2m latencies, in microseconds; Interval_Max is in milliseconds');
    this.#writer.outputStartTime(startedAtMs);
    this.#writer.outputLegend();
  }

  /** @param samples of the agents, all of one interval; times are seconds since the start */
  add(samples: readonly RecordedSample[], startSeconds: number, endSeconds: number): MergedInterval {
    for (const sample of samples) {
      for (const [phase, kinds] of Object.entries(sample.latency)) {
        for (const [kind, encoded] of Object.entries(kinds) as [RecordedKind, string][]) {
          const also = kind === 'lag' ? this.#lagOf(sample) : undefined;
          countsIn(countsOf(this.#interval, phase), kind).addEncoded(encoded, also);
        }
      }
    }
    const merged = this.#takeInterval();
    const histograms = new Map<RecordedKind, Histogram>();
    for (const kind of KINDS) {
      const interval = merged.get(kind)?.toHistogram();
      if (!interval) continue;
      interval.tag = kind;
      histograms.set(kind, interval);
      this.#writer.outputIntervalHistogram(interval, startSeconds, endSeconds, MICROSECONDS_PER_MS);
    }
    const lag = histograms.get('lag');
    return {
      latency: Object.fromEntries(
        LATENCY_KINDS.map((kind) => [kind, intervalLatency(histograms.get(kind))]),
      ) as TimelineSample['latency'],
      lagP99Ms: lag ? percentile(lag, 99) : null,
      lagMaxMs: lag ? percentile(lag, 100) : null,
      counts: merged,
    };
  }

  /** Of the whole run, or of one phase: what was due in it. */
  summary(kind: RecordedKind, phase?: string): LatencySummary {
    const total = (phase === undefined ? this.#totals : this.#ofPhases.get(phase))?.get(kind)?.toHistogram();
    if (!total) return { count: 0, min: null, p50: null, p90: null, p99: null, p999: null, max: null };
    return {
      count: total.totalCount,
      min: percentile(total, 0),
      p50: percentile(total, 50),
      p90: percentile(total, 90),
      p99: percentile(total, 99),
      p999: percentile(total, 99.9),
      max: percentile(total, 100),
    };
  }

  /** Adds the interval to what it is a part of, phase by phase, and empties it. */
  #takeInterval(): Kinds {
    const merged: Kinds = new Map();
    for (const [phase, kinds] of this.#interval) {
      for (const [kind, counts] of kinds) {
        if (counts.isEmpty) continue;
        for (const sums of [merged, this.#totals, countsOf(this.#ofPhases, phase)])
          countsIn(sums, kind).add(counts);
        counts.clear();
      }
    }
    return merged;
  }
}

function countsOf(phases: Map<string, Kinds>, phase: string): Kinds {
  const kinds: Kinds = phases.get(phase) ?? new Map();
  phases.set(phase, kinds);
  return kinds;
}

function countsIn(kinds: Kinds, kind: RecordedKind): LatencyCounts {
  const counts = kinds.get(kind) ?? new LatencyCounts();
  kinds.set(kind, counts);
  return counts;
}

function intervalLatency(histogram: Histogram | undefined): IntervalLatency | null {
  if (!histogram) return null;
  return {
    count: histogram.totalCount,
    p50: percentile(histogram, 50),
    p90: percentile(histogram, 90),
    p99: percentile(histogram, 99),
    max: percentile(histogram, 100),
  };
}

/** Milliseconds. A bucket's upper end may lie above the highest value in it. */
function percentile(histogram: Histogram, percent: number): number {
  return Math.min(histogram.getValueAtPercentile(percent), histogram.maxValue) / MICROSECONDS_PER_MS;
}
