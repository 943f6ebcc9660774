import { type Change, changeOf, type MeasuredChange, measureChange } from './change.js';
import { demandPairs, type Side } from './interleaving.js';
import { adjustForMany } from './many-figures.js';
import { moreRunsNeeded } from './runs-needed.js';
import { type Sample, sampleOf } from './sample.js';

/** One figure of two sets of runs, a value a run in the order of the runs; null where a run did not record it. */
export interface FigureOfSets {
  path: string;
  /** The direction in which a run gets worse; `neither`: shown, and never judged. */
  worse: 'higher' | 'lower' | 'neither';
  /** A change up to this, in the figure's own unit, is none worth reporting, whatever share of the base it is. */
  noise: number;
  /** Messages lost, duplicated, corrupted, out of order: any counts, and no statistics are asked. */
  isStrict: boolean;
  base: readonly (number | null)[];
  current: readonly (number | null)[];
}

export interface JudgeOptions {
  /** The smallest change worth reporting, as a share of the base: 0.05 is 5 %. */
  smallestEffect?: number;
  /**
   * How often a comparison of unchanged code may call some figure worse, by chance: 0.05 is 1 in 20. The same holds for
   * better.
   */
  level?: number;
  /**
   * In which order the runs of the two sets came, where they were interleaved, such as `interleavedOrder` gives; a pair of
   * which one run is of no use is left out whole. Without an order the sets are taken as two piles. If one pile was then
   * run after the other, nothing can tell a change of the machine from a change of the code.
   */
  order?: readonly Side[];
}

/**
 * `worse`, `better`: changed, with at most `level` of doubt, and by as much as is worth reporting.
 * `same`: a change that is worth reporting is excluded with as little doubt.
 * `inconclusive`: these runs can't tell.
 * `missing`: some run did not record the figure, so nothing is said about it.
 */
export type Verdict = 'worse' | 'better' | 'same' | 'inconclusive' | 'missing';

export interface JudgedFigure<Figure extends FigureOfSets = FigureOfSets> {
  figure: Figure;
  /** Null where no run of that side recorded the figure. */
  base: Sample | null;
  current: Sample | null;
  /** Null for a figure that is missing. */
  change: Change | null;
  /** How often chance alone moves the figure this far in the direction in which it moved. Null for missing and strict. */
  p: number | null;
  /** The same with all judged figures in view; null also for a figure that is not judged. */
  adjustedP: number | null;
  /** Null for a figure that is worse in neither direction. */
  verdict: Verdict | null;
  /** Inconclusive: about how many more runs on each side would decide; null where that can't be said. */
  moreRuns: number | null;
  /**
   * Seems worse by as much as is worth reporting, at twice the level and without a correction for many figures; where the
   * runs are too few for an interval, by its size alone. Every `worse` of a figure that is not strict is a suspect.
   */
  isSuspect: boolean;
}

export const DEFAULT_SMALLEST_EFFECT = 0.05;
export const DEFAULT_LEVEL = 0.05;

/**
 * Judges two sets of runs, figure by figure; those that no run recorded are left out.
 *
 * One direction at a time: Mann and Whitney's exact test, on aligned runs where the sets were interleaved; Benjamini and
 * Hochberg's correction over the figures; Hodges and Lehmann's estimate, which has to reach the smallest effect. `same`
 * is Schuirmann's pair of one-sided tests: the interval of confidence 1 - 2 * level lies within the smallest effect.
 *
 * @throws RangeError for a set without runs, or an order that is not that of these runs
 */
export function judgeSets<Figure extends FigureOfSets>(
  figures: readonly Figure[],
  options: JudgeOptions = {},
): JudgedFigure<Figure>[] {
  const { smallestEffect = DEFAULT_SMALLEST_EFFECT, level = DEFAULT_LEVEL, order } = options;
  for (const figure of figures) demandRuns(figure, order);
  const measured = figures
    .filter(({ base, current }) => [...base, ...current].some((value) => value !== null))
    .map((figure) => measure(figure, smallestEffect, level, order));
  const family = measured.filter(isJudgedByStatistics);
  const worse = adjustForMany(family.map(({ pWorse }) => pWorse));
  const better = adjustForMany(family.map(({ pBetter }) => pBetter));
  const adjusted = new Map(family.map((one, at) => [one, { worse: worse[at]!, better: better[at]! }]));
  return measured.map((one) => judge(one, adjusted.get(one), level, family.length));
}

function demandRuns({ path, base, current }: FigureOfSets, order: readonly Side[] | undefined): void {
  if (base.length === 0 || current.length === 0) throw new RangeError(`${path}: a side has no runs`);
  if (order === undefined) return;
  demandPairs(order);
  const pairs = order.length / 2;
  if (base.length !== pairs || current.length !== pairs)
    throw new RangeError(
      `${path}: ${base.length} and ${current.length} runs, and an order of ${pairs} of each side`,
    );
}

interface Measured<Figure> {
  figure: Figure;
  base: Sample | null;
  current: Sample | null;
  /** Null for a figure that is missing. */
  measured: MeasuredChange | null;
  /** The smallest change worth reporting, on the scale of the measured change. */
  smallest: number;
  pWorse: number;
  pBetter: number;
}

function measure<Figure extends FigureOfSets>(
  figure: Figure,
  smallestEffect: number,
  level: number,
  order: readonly Side[] | undefined,
): Measured<Figure> {
  const before = figure.base.filter((value) => value !== null);
  const after = figure.current.filter((value) => value !== null);
  const samples = { figure, base: sampleOf(before), current: sampleOf(after) };
  const isMissing = before.length < figure.base.length || after.length < figure.current.length;
  if (isMissing || samples.base === null)
    return { ...samples, measured: null, smallest: 0, pWorse: 1, pBetter: 1 };
  const measured = measureChange(before, after, level, order);
  const { pHigher, pLower } = measured;
  const [pWorse, pBetter] = figure.worse === 'lower' ? [pLower, pHigher] : [pHigher, pLower];
  const usual = Math.abs(samples.base!.median);
  const smallest = Math.max(smallestEffect * usual, figure.noise);
  return {
    ...samples,
    measured,
    smallest: measured.scale === 'ratio' ? Math.log(1 + smallest / usual) : smallest,
    pWorse,
    pBetter,
  };
}

/** A figure with one value in all runs cannot differ, so it is no reason to be more careful with the others. */
function isJudgedByStatistics({ figure, base, current, measured }: Measured<FigureOfSets>): boolean {
  if (measured === null || figure.isStrict || figure.worse === 'neither') return false;
  return Math.min(base!.lowest, current!.lowest) < Math.max(base!.highest, current!.highest);
}

function judge<Figure extends FigureOfSets>(
  one: Measured<Figure>,
  adjusted: { worse: number; better: number } | undefined,
  level: number,
  figures: number,
): JudgedFigure<Figure> {
  const { figure, base, current, measured, smallest } = one;
  const plain = { figure, base, current, p: null, adjustedP: null, moreRuns: null, isSuspect: false };
  if (figure.isStrict)
    return { ...plain, change: measured && changeOf(measured), verdict: strictVerdict(one) };
  if (measured === null) return { ...plain, change: null, verdict: 'missing' };
  const judged = { ...plain, change: changeOf(measured) };
  const p = Math.min(one.pWorse, one.pBetter);
  if (figure.worse === 'neither') return { ...judged, p, verdict: null };

  const { estimate, interval } = measured.shift;
  const towardsWorse = figure.worse === 'higher' ? estimate : -estimate;
  const { worse, better } = adjusted ?? { worse: 1, better: 1 };
  const isSuspect =
    towardsWorse > 0 && towardsWorse >= smallest && (interval === null || one.pWorse <= 2 * level);
  const tested = { ...judged, p, adjustedP: Math.min(worse, better), isSuspect };
  if (worse <= level && towardsWorse >= smallest) return { ...tested, verdict: 'worse' };
  if (better <= level && -towardsWorse >= smallest) return { ...tested, verdict: 'better' };
  if (interval !== null && interval.low >= -smallest && interval.high <= smallest)
    return { ...tested, verdict: 'same' };
  const moreRuns = moreRunsNeeded({
    runs: Math.min(figure.base.length, figure.current.length),
    change: Math.abs(estimate),
    smallest,
    halfWidth: interval && (interval.high - interval.low) / 2,
    level,
    figures,
    isAligned: measured.isAligned,
  });
  return { ...tested, verdict: 'inconclusive', moreRuns };
}

/** The worst run of either side decides: a server that never lost a message and now lost one is worse. */
function strictVerdict({ figure, base, current, measured }: Measured<FigureOfSets>): Verdict {
  if (base === null || current === null) return 'missing';
  const step = figure.worse === 'lower' ? base.lowest - current.lowest : current.highest - base.highest;
  // What other runs did not record makes what this one did record no better.
  if (step > 0) return 'worse';
  if (measured === null) return 'missing';
  return step < 0 ? 'better' : 'same';
}
