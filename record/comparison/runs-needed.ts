import { smallestP } from './mann-whitney.js';
import { normalQuantile } from './normal-distribution.js';

/** How often the runs that are asked for would decide, if the noise stays as it was. */
const POWER = 0.8;
/** More runs than anybody does are no advice. */
const MOST_RUNS = 1000;
/** Runs on each side that alignment uses up: 7 aligned ones can show what 5 others can (1 in 250, for one figure). */
const RUNS_TO_ALIGN = 2;

export interface Undecided {
  /** Of the smaller set. */
  runs: number;
  /** Estimated change and the smallest that is worth reporting, both as distances from no change, on one scale. */
  change: number;
  smallest: number;
  /** Half the width of the interval of confidence 1 - 2 * level; null where there are too few runs for one. */
  halfWidth: number | null;
  level: number;
  /** Figures that are judged together. */
  figures: number;
  /** The machine's drift was taken off first. */
  isAligned: boolean;
}

/**
 * About how many more runs on each side would decide a figure; null where no number below 1,000 would.
 *
 * The interval shrinks with the root of the number of runs. To show a change, it has to be so narrow that the change is
 * z(level) + z(power) standard errors; to show that there is none worth reporting, that the smallest one is
 * z(level) + z((1 + power) / 2). After G. E. Noether, "Sample size determination for some common nonparametric
 * tests", J. of the American Statistical Association 82 (1987) 645-647; for equivalence, D. J. Schuirmann, J. of
 * Pharmacokinetics and Biopharmaceutics 15 (1987) 657-680.
 */
export function moreRunsNeeded({
  runs,
  change,
  smallest,
  halfWidth,
  level,
  figures,
  isAligned,
}: Undecided): number | null {
  const least = runsToReach(level / figures) + (isAligned ? RUNS_TO_ALIGN : 0);
  if (halfWidth === null) return Math.max(1, least - runs);
  const isWorthReporting = change >= smallest;
  const distance = isWorthReporting ? change : smallest;
  const zLevel = normalQuantile(1 - level);
  const zPower = normalQuantile(isWorthReporting ? POWER : (1 + POWER) / 2);
  const standardError = halfWidth / zLevel;
  const needed = runs * ((standardError * (zLevel + zPower)) / distance) ** 2;
  const more = Math.max(1, Math.ceil(needed) - runs, isWorthReporting ? least - runs : 0);
  return more < MOST_RUNS ? more : null;
}

/** The number of runs on each side from which a p in one direction can be as small as this. */
function runsToReach(p: number): number {
  let runs = 1;
  while (smallestP(runs, runs) > p) runs += 1;
  return runs;
}
