import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { LatencyKind } from '../../record/run.js';

/** Longest time that is told apart, in microseconds: an hour. */
const HIGHEST_MICROSECONDS = 3_600_000_000;

export const MEDIA_KINDS = ['upload', 'download'] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** The latency of media, and how late the generator itself was with them. */
export type RecordedMediaKind = MediaKind | `${MediaKind}Lag`;
type ClientKind = LatencyKind | 'lag';
export type RecordedKind = ClientKind | RecordedMediaKind;

/** HDR histograms of one interval, one a kind, in microseconds with three significant digits. */
export class IntervalHistograms {
  readonly #histograms: Record<ClientKind, Histogram> = {
    connect: emptyHistogram(),
    accepted: emptyHistogram(),
    delivered: emptyHistogram(),
    receipt: emptyHistogram(),
    lag: emptyHistogram(),
  };

  /** Hot path. */
  record(kind: ClientKind, ms: number): void {
    recordMs(this.#histograms[kind], ms);
  }

  /** What was recorded since the last call, compressed as Base64; kinds without values are left out. */
  take(): Partial<Record<ClientKind, string>> {
    return takeHistograms(this.#histograms);
  }
}

/** Hot path. A clock that two processes read a moment apart may give a hair below zero. */
export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(HIGHEST_MICROSECONDS, Math.max(0, Math.round(ms * 1000))));
}

/** Each as compressed Base64, and empty again; those without values are left out. */
export function takeHistograms<Kind extends string>(
  histograms: Record<Kind, Histogram>,
): Partial<Record<Kind, string>> {
  const taken: Partial<Record<Kind, string>> = {};
  for (const [kind, histogram] of Object.entries(histograms) as [Kind, Histogram][]) {
    if (histogram.totalCount === 0) continue;
    taken[kind] = encodeIntoCompressedBase64(histogram);
    histogram.reset();
  }
  return taken;
}

/** In microseconds, with three significant digits. */
export function emptyHistogram(): Histogram {
  return build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3, autoResize: true });
}
