import type { TimelineSample } from '../../record/timeline.js';

/** What may leave its normal range, one kind for each thing that a reader would look at. */
export type SymptomKind =
  | 'latency'
  | 'stall'
  | 'queue'
  | 'in-flight'
  | 'connects'
  | 'drops'
  | 'refusals'
  | 'order'
  | 'duplicates'
  | 'generator'
  | 'loss'
  | 'media';

/** Something that left its normal range, and the second in which it first did. */
export interface Symptom {
  kind: SymptomKind;
  /** The end of that second; null: only the sums at the end of the run tell of it. */
  atSeconds: number | null;
  phase: string | null;
  /** The thing: `the queue outbound`, `accepted latency`. */
  what: string;
  /** What it did, in words that follow a colon. */
  how: string;
}

/** One second with nothing beside it may be a pause of a garbage collector; two in a row are not. */
const SUSTAINED_SAMPLES = 2;

/** The first sample of `length` in a row for which `isOut` holds. */
export function firstSustained(
  samples: readonly TimelineSample[],
  isOut: (sample: TimelineSample) => boolean,
  length = SUSTAINED_SAMPLES,
): TimelineSample | undefined {
  let run = 0;
  for (const [index, sample] of samples.entries()) {
    run = isOut(sample) ? run + 1 : 0;
    if (run === length) return samples[index - length + 1];
  }
  return undefined;
}

/** A symptom of that sample's second. */
export function symptomAt(
  kind: SymptomKind,
  { t, phase }: TimelineSample,
  what: string,
  how: string,
): Symptom {
  return { kind, atSeconds: t, phase, what, how };
}
