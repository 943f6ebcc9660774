import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
// CommonJS without named exports that Node can see: the default import is the module.
import hdr, { type Histogram } from 'hdr-histogram-js';
import { LARGEST_RECORD_BYTES, RECORD_FILES, RecordError, recordError } from '../record/folder.js';
import { readTextFile } from '../record/input-file.js';
import { printable } from '../record/printable.js';
import { LATENCY_KINDS, type LatencyKind } from '../record/run.js';

/** The log is in microseconds. */
const MICROSECONDS_PER_MS = 1000;

/** Three significant digits from a microsecond to an hour are 30,000 counts of at most nine bytes. */
const LARGEST_HISTOGRAM_BYTES = 512 * 1024;
/** Behind the base64 of an interval: a cookie and the length, four bytes each, then zlib. */
const HEADER_BYTES = 8;

/**
 * Reads `latency.hlog` and adds up the intervals of each kind, told apart by the log's `Tag=`.
 * A kind that was never recorded is absent; so are all of them where there is no log.
 * @throws RecordError when the file is there and cannot be read.
 */
export async function readLatencyLog(folder: string): Promise<Partial<Record<LatencyKind, Histogram>>> {
  const file = join(folder, RECORD_FILES.latency);
  const text = await readTextFile(file, LARGEST_RECORD_BYTES.latency).catch(recordError);
  // A last line without its line end was cut short by a crash and would not decode.
  return text === undefined ? {} : mergeIntervals(text.slice(0, text.lastIndexOf('\n') + 1), file);
}

function mergeIntervals(text: string, file: string): Partial<Record<LatencyKind, Histogram>> {
  const merged: Partial<Record<LatencyKind, Histogram>> = {};
  try {
    refuseLargeIntervals(text);
    const reader = new hdr.HistogramLogReader(text);
    for (let interval = reader.nextIntervalHistogram(); interval; interval = reader.nextIntervalHistogram()) {
      const kind = LATENCY_KINDS.find((each) => each === interval?.tag);
      if (kind === undefined || interval.totalCount === 0) continue;
      merged[kind] ??= hdr.build({ numberOfSignificantValueDigits: 3 });
      merged[kind].add(interval as Parameters<Histogram['add']>[0]);
    }
  } catch (error) {
    // The library throws errors of any kind, and texts too.
    const reason = error instanceof Error ? error.message : String(error);
    throw new RecordError(
      printable(`${file} is no log of histograms: ${reason}; without that file the rest can be reported`),
    );
  }
  return merged;
}

/** A short line may unpack into anything, and the library would take it all. It reads a line as it is read here. */
function refuseLargeIntervals(text: string): void {
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (!line.includes(',') || /^(#|"StartTimestamp")/.test(line)) continue;
    const packed = line.split(',')[line.startsWith('Tag=') ? 4 : 3] ?? '';
    const bytes = Buffer.from(packed, 'base64').subarray(HEADER_BYTES);
    inflateSync(bytes, { maxOutputLength: LARGEST_HISTOGRAM_BYTES });
  }
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
