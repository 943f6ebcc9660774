import type { TimelineSample } from './timeline.js';

/** Something that a record should hold and does not. */
export interface Damage {
  /** Name of the file in the record's folder. */
  file: string;
  /** What is wrong with it and what is missing, in words that follow the name. */
  what: string;
}

/** Without a word for as long as this, a timeline has lost lines; an agent that is too busy to report is back sooner. */
const LONGEST_SILENCE_SECONDS = 5;
/** A line covers the time since the one before; what is left between two of them was in lines that are gone. */
const LEAST_GAP_SECONDS = 0.5;
const GAPS_TOLD = 3;

/** Seconds of the run that a timeline should tell of and does not: at its end, or between two lines. */
export function missingSeconds(samples: readonly TimelineSample[], durationSeconds: number): string[] {
  const gaps: string[] = [];
  let toldTo = 0;
  for (const { t, seconds } of samples) {
    const from = t - seconds;
    if (from - toldTo > LEAST_GAP_SECONDS) gaps.push(`${toldTo.toFixed(1)} s to ${from.toFixed(1)} s`);
    toldTo = t;
  }
  const told = gaps.slice(0, GAPS_TOLD).join(', ');
  const more = gaps.length > GAPS_TOLD ? ` and ${gaps.length - GAPS_TOLD} more times` : '';
  return [
    ...(gaps.length > 0 ? [`says nothing of ${told}${more}`] : []),
    ...(durationSeconds - toldTo > LONGEST_SILENCE_SECONDS
      ? [`ends at ${toldTo.toFixed(1)} s of a run of ${durationSeconds.toFixed(1)} s`]
      : []),
  ];
}

/** `timeline.ndjson is missing`. */
export function damageWords({ file, what }: Damage): string {
  return `${file} ${what}`;
}
