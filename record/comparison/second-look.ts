import { DEFAULT_LEVEL, type FigureOfSets, type JudgedFigure } from './judge-sets.js';

/** What has to be done before a job may fail. */
export interface SecondLook {
  /** Paths of the figures that seem worse, in the order of the comparison. */
  suspects: string[];
  /** Runs to add on each side. */
  moreRuns: number;
  /** To judge all runs by, the first ones included. */
  level: number;
}

/** Below five runs a side, hardly any figure can be decided. */
const FEWEST_RUNS = 5;

/**
 * Suspects are run again before they fail a job. Null: nothing is suspect, and the first judgement stands.
 *
 *     let judged = judgeSets(figuresOf(runs), { level });
 *     const again = secondLook(judged, level);
 *     if (again !== null) {
 *       runs.push(...(await runMore(again.moreRuns)));
 *       judged = judgeSets(figuresOf(runs), { level: again.level });
 *     }
 *
 * Looking twice raises no false alarms, because the first look can only acquit: what is called worse in the end is worse
 * in one test of all runs, which unchanged code fails no more often for having been looked at before. That rests on two
 * things: the number of runs to add does not depend on how the first ones came out (as many again, not what an
 * inconclusive figure asks for), and there is no third look. Group sequential trials stop for futility by the same
 * argument: C. Jennison, B. W. Turnbull, "Group Sequential Methods with Applications to Clinical Trials" (2000).
 *
 * The second look is taken at half the level, since it can afford to: with twice the runs, what five with five runs just
 * show is far beyond doubt, and a job is run so often that 1 false alarm in 20 is too many.
 * A strict figure is not run again: a message that was lost stays lost.
 *
 * @param level of the first look
 */
export function secondLook(
  first: readonly JudgedFigure<FigureOfSets>[],
  level = DEFAULT_LEVEL,
): SecondLook | null {
  const suspects = first.filter(({ isSuspect }) => isSuspect).map(({ figure }) => figure);
  if (suspects.length === 0) return null;
  const runs = Math.min(...suspects.map(({ base, current }) => Math.min(base.length, current.length)));
  return {
    suspects: suspects.map(({ path }) => path),
    moreRuns: Math.max(runs, FEWEST_RUNS - runs),
    level: level / 2,
  };
}
