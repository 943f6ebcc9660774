import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
// CommonJS without named exports that Node can see: the default import is the module.
import hdr, { type Histogram } from 'hdr-histogram-js';
import { RECORD_FILES } from '../record/folder.js';
import { LATENCY_KINDS, type LatencyKind } from '../record/run.js';

/** The log is in microseconds. */
const MICROSECONDS_PER_MS = 1000;

/**
 * Reads `latency.hlog` and adds up the intervals of each kind, told apart by the log's `Tag=`.
 * A kind that was never recorded is absent; so are all of them where there is no log.
 * @throws Error when the file is there and cannot be read.
 */
export async function readLatencyLog(folder: string): Promise<Partial<Record<LatencyKind, Histogram>>> {
  let text: string;
  try {
    text = await readFile(join(folder, RECORD_FILES.latency), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  // A last line without its line end was cut short by a crash and would not decode.
  return mergeIntervals(text.slice(0, text.lastIndexOf('\n') + 1));
}

function mergeIntervals(text: string): Partial<Record<LatencyKind, Histogram>> {
  const merged: Partial<Record<LatencyKind, Histogram>> = {};
  const reader = new hdr.HistogramLogReader(text);
  for (let interval = reader.nextIntervalHistogram(); interval; interval = reader.nextIntervalHistogram()) {
    const kind = LATENCY_KINDS.find((each) => each === interval?.tag);
    if (kind === undefined || interval.totalCount === 0) continue;
    merged[kind] ??= hdr.build({ numberOfSignificantValueDigits: 3 });
    merged[kind].add(interval as Parameters<Histogram['add']>[0]);
  }
  return merged;
}

/**
 * The curve of HdrHistogram's plots: latency in milliseconds at each percentile. `positions` are log10(1 / (1 - p)),
 * so 1 is 90 %, 2 is 99 %, 3 is 99.9 %. Where there are too few values to tell a percentile from the maximum, the
 * curve ends: null.
 */
export interface PercentileCurves {
  positions: number[];
  curves: Partial<Record<LatencyKind, (number | null)[]>>;
}

const POINTS_PER_DECADE = 40;
const LARGEST_POSITION = 8;

/** Samples the histograms at the same percentiles, so that they can be drawn over one axis. */
export function percentileCurves(histograms: Partial<Record<LatencyKind, Histogram>>): PercentileCurves {
  const counts = LATENCY_KINDS.map((kind) => histograms[kind]?.totalCount ?? 0);
  const end = Math.min(LARGEST_POSITION, Math.log10(Math.max(1, ...counts)));
  const steps = Math.max(1, Math.ceil(end * POINTS_PER_DECADE));
  const positions = Array.from({ length: steps + 1 }, (_, step) => (step / steps) * end);
  const curves: PercentileCurves['curves'] = {};
  for (const kind of LATENCY_KINDS) {
    const histogram = histograms[kind];
    if (histogram === undefined) continue;
    const last = Math.log10(histogram.totalCount);
    const step = end / steps;
    curves[kind] = positions.map((position) => {
      if (position >= last + step) return null;
      // Rarer than one in all of them: that one is the maximum.
      if (position >= last - 1e-9) return histogram.maxValue / MICROSECONDS_PER_MS;
      const value = histogram.getValueAtPercentile(100 * (1 - 10 ** -position));
      // A bucket's upper end may lie above the highest value in it.
      return Math.min(value, histogram.maxValue) / MICROSECONDS_PER_MS;
    });
  }
  return { positions, curves };
}
