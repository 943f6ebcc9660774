import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { LatencyKind } from '../../record/run.js';

/** Longest time that is told apart, in microseconds: an hour. */
const HIGHEST_MICROSECONDS = 3_600_000_000;

export const MEDIA_KINDS = ['upload', 'download'] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** How late messages left, and connects began, after they were due. */
export const LAG_KINDS = ['lag', 'connectLag'] as const;
export type LagKind = (typeof LAG_KINDS)[number];

/** The latency of media, and how late the generator itself was with them. */
export type RecordedMediaKind = MediaKind | `${MediaKind}Lag`;
type ClientKind = LatencyKind | LagKind;
export type RecordedKind = ClientKind | RecordedMediaKind;

/** What was recorded, by phase and kind: HDR histograms, compressed as Base64. */
export type RecordedLatency = Record<string, Partial<Record<RecordedKind, string>>>;

/** HDR histograms of one interval, one a phase and kind, in microseconds with three significant digits. */
export class IntervalHistograms {
  /** In the order of their beginnings; the first one holds what was due before. */
  readonly #phases: { name: string; startMs: number; histograms: Partial<Record<ClientKind, Histogram>> }[];

  /** @param phase that stands until `beginPhase` */
  constructor(phase: string) {
    this.#phases = [{ name: phase, startMs: Number.NEGATIVE_INFINITY, histograms: {} }];
  }

  beginPhase(name: string, startMs: number): void {
    this.#phases.push({ name, startMs, histograms: {} });
  }

  /**
   * Hot path. Belongs to the phase in which it was due, whenever it is over.
   * @param ms a hair below zero where two clocks are read a moment apart
   */
  record(kind: ClientKind, ms: number, dueMs: number): void {
    let at = this.#phases.length - 1;
    while (at > 0 && (this.#phases[at] as { startMs: number }).startMs > dueMs) at -= 1;
    const { histograms } = this.#phases[at] as { histograms: Partial<Record<ClientKind, Histogram>> };
    let histogram = histograms[kind];
    if (!histogram) {
      histogram = emptyHistogram();
      histograms[kind] = histogram;
    }
    recordMs(histogram, ms);
  }

  /** What was recorded since the last call; phases and kinds without values are left out. */
  take(): RecordedLatency {
    const taken: RecordedLatency = {};
    for (const { name, histograms } of this.#phases) {
      const ofPhase = takeHistograms(histograms as Record<ClientKind, Histogram>);
      if (Object.keys(ofPhase).length > 0) taken[name] = ofPhase;
    }
    return taken;
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
