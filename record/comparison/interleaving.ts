import { median } from './sample.js';

/**
 * Two sets of runs that were interleaved in time, A B B A A B B A. A shared machine can become twice as fast or as slow
 * meanwhile, and a change of 20 % drowns in the spread of either set. But the runs beside a run tell how fast the
 * machine was just then, and that can be taken off before anything is compared.
 *
 * Sources: D. R. Cox, "Some systematic experimental designs", Biometrika 38 (1951) 312-323, for orders of runs in which
 * a trend is no change of code; J. L. Hodges, E. L. Lehmann, "Rank methods for combination of independent experiments
 * in analysis of variance", Annals of Mathematical Statistics 33 (1962) 482-497, for comparing what alignment leaves.
 */
export type Side = 'base' | 'current';

export interface Sides {
  base: number[];
  current: number[];
}

/** A B B A A B B A …: each two runs are one of either side, and neither side always comes first. */
export function interleavedOrder(pairs: number): Side[] {
  return Array.from({ length: pairs }, (_, pair): Side[] =>
    pair % 2 === 0 ? ['base', 'current'] : ['current', 'base'],
  ).flat();
}

/** @throws RangeError unless each two runs in a row, from the first on, are one of either side */
export function demandPairs(order: readonly Side[]): void {
  const isPaired =
    order.length % 2 === 0 && order.every((side, at) => at % 2 === 0 || side !== order[at - 1]);
  if (!isPaired)
    throw new RangeError('the order of the runs must be pairs: one run of either side, then the next two');
}

/** Three pairs, A B B A A B: enough to tell a slope by, few enough to follow a machine that slows down and recovers. */
const RUNS_AROUND = 6;

/**
 * What is left of each run without the machine's drift, which is the line through the runs of its own pair and the pairs
 * beside it; at either end, through those of the three pairs there.
 * @param order which side each run was of; pairs, as `demandPairs` demands
 * @param values of the runs in that order, on a scale on which drift adds: logarithms of times and of rates
 */
export function withoutDrift(order: readonly Side[], values: readonly number[]): Sides {
  const sides: Sides = { base: [], current: [] };
  const lastStart = Math.max(0, values.length - RUNS_AROUND);
  let start = -1;
  let around = { slope: 0, level: 0 };
  values.forEach((value, at) => {
    const pair = at - (at % 2);
    const wanted = Math.min(Math.max(0, pair - 2), lastStart);
    if (wanted !== start) {
      start = wanted;
      around = lineThrough(order.slice(start, start + RUNS_AROUND), values.slice(start, start + RUNS_AROUND));
    }
    sides[order[at]!].push(value - around.level - around.slope * (at - start));
  });
  return sides;
}

/**
 * The median slope between two runs of one side, which a change between the sides cannot tilt, and the median of what
 * that leaves: as many runs lie on either side of it as of the other, so a change leaves it in the middle. One run of
 * the six may be astray. H. Theil, "A rank-invariant method of linear and polynomial regression analysis" (1950).
 */
function lineThrough(order: readonly Side[], values: readonly number[]): { slope: number; level: number } {
  const slopes: number[] = [];
  for (let later = 1; later < values.length; later += 1)
    for (let earlier = 0; earlier < later; earlier += 1)
      if (order[earlier] === order[later])
        slopes.push((values[later]! - values[earlier]!) / (later - earlier));
  const slope = slopes.length === 0 ? 0 : median(slopes);
  return { slope, level: median(values.map((value, at) => value - slope * at)) };
}
