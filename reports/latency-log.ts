import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
// CommonJS without named exports that Node can see: the default import is the module.
import hdr, { type Histogram } from 'hdr-histogram-js';
import type { Damage } from '../record/damage.js';
import { LARGEST_RECORD_BYTES, RECORD_FILES, recordError } from '../record/folder.js';
import { readTextFile } from '../record/input-file.js';
import { LATENCY_KINDS, type LatencyKind, type RunRecord } from '../record/run.js';
import { formatCount, plural } from './format.js';

/** The log is in microseconds. */
const MICROSECONDS_PER_MS = 1000;

/** Three significant digits from a microsecond to an hour are 30,000 counts of at most nine bytes. */
const LARGEST_HISTOGRAM_BYTES = 512 * 1024;
/** Behind the base64 of an interval: a cookie and the length, four bytes each, then zlib. */
const HEADER_BYTES = 8;

/** The latencies of a run that could be read, and what should have been there beside them. */
export interface LatencyLog {
  /** A kind that was never recorded is absent. */
  histograms: Partial<Record<LatencyKind, Histogram>>;
  damage: Damage[];
}

/** The histograms of `latency.hlog` that can be read; `inspectLatencyLog` says what cannot. */
export async function readLatencyLog(folder: string): Promise<LatencyLog['histograms']> {
  return (await inspectLatencyLog(folder)).histograms;
}

/**
 * Reads `latency.hlog` and adds up the intervals of each kind, told apart by the log's `Tag=`. A line that is none is
 * left out, so that the rest can be told, and is told as damage.
 * @param latency of run.json, which counts the same values; without it nothing is said of values that are missing
 * @throws RecordError for a file that cannot be read at all
 */
export async function inspectLatencyLog(folder: string, latency?: RunRecord['latency']): Promise<LatencyLog> {
  const file = join(folder, RECORD_FILES.latency);
  const text = await readTextFile(file, LARGEST_RECORD_BYTES.latency).catch(recordError);
  const damaged = (what: string): Damage => ({ file: RECORD_FILES.latency, what });
  if (text === undefined) return { histograms: {}, damage: [damaged('is missing')] };
  const { histograms, unreadable } = mergeIntervals(text);
  const damage = unreadable > 0 ? [damaged(`has ${plural(unreadable, 'line')} that cannot be read`)] : [];
  const missing = latency ? missingLatencies(histograms, latency) : [];
  return { histograms, damage: [...damage, ...missing.map(damaged)] };
}

function mergeIntervals(text: string): { histograms: LatencyLog['histograms']; unreadable: number } {
  const histograms: LatencyLog['histograms'] = {};
  let unreadable = 0;
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (!addInterval(histograms, line)) unreadable += 1;
  }
  return { histograms, unreadable };
}

/** Adds what a line of `latency.hlog` holds. @returns false: it cannot be read */
export function addInterval(histograms: LatencyLog['histograms'], line: string): boolean {
  if (line === '' || /^(#|"StartTimestamp")/.test(line)) return true;
  const interval = readInterval(line);
  if (!interval) return false;
  const kind = LATENCY_KINDS.find((each) => each === interval.tag);
  if (kind === undefined || interval.totalCount === 0) return true;
  histograms[kind] ??= hdr.build({ numberOfSignificantValueDigits: 3 });
  histograms[kind].add(interval as Parameters<Histogram['add']>[0]);
  return true;
}

function readInterval(line: string): Histogram | undefined {
  try {
    refuseLargeInterval(line);
    return new hdr.HistogramLogReader(line).nextIntervalHistogram() ?? undefined;
  } catch {
    // The library throws errors of any kind, and texts too; whatever it was, the line is no interval.
    return undefined;
  }
}

/** A short line may unpack into anything, and the library would take it all. It reads a line as it is read here. */
function refuseLargeInterval(line: string): void {
  const packed = line.split(',')[line.startsWith('Tag=') ? 4 : 3] ?? '';
  const bytes = Buffer.from(packed, 'base64').subarray(HEADER_BYTES);
  inflateSync(bytes, { maxOutputLength: LARGEST_HISTOGRAM_BYTES });
}

/** run.json counts each latency that the log holds. */
function missingLatencies(histograms: LatencyLog['histograms'], latency: RunRecord['latency']): string[] {
  const short = LATENCY_KINDS.flatMap((kind) => {
    const [found, counted] = [histograms[kind]?.totalCount ?? 0, latency[kind].count];
    return found < counted ? [`${formatCount(found)} of ${formatCount(counted)} ${kind}`] : [];
  });
  return short.length > 0 ? [`holds only ${short.join(', ')} latencies`] : [];
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
