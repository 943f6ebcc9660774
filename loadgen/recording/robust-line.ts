import { sampleOf } from '../../record/comparison/sample.js';

/** One reading: `y` was held when there were `x` of something. */
export interface Point {
  x: number;
  y: number;
}

/** A slope through fewer points is that of one garbage collection. */
export const LEAST_POINTS = 10;

/**
 * The slope of a line through points in the order of their time: the median of the slopes between pairs of them, each
 * weighted by its distance in x. A few points that are off do not move it, however far they are off (P. K. Sen,
 * "Estimates of the Regression Coefficient Based on Kendall's Tau", Journal of the American Statistical Association 63,
 * 1968; the weights: L. A. Jaeckel, "Estimating Regression Coefficients by Minimizing the Dispersion of the Residuals",
 * Annals of Mathematical Statistics 43, 1972).
 * @param reach pairs are at most this share of all points apart. With 1, every pair counts, and what comes and goes (the
 *   saw-tooth of a garbage collector) averages out. With a small share a step counts only in the pairs across it: one
 *   step in the middle is in 50 % of all pairs' weight or more, but in 13 % of it with 1/6
 * @returns null for fewer than `LEAST_POINTS` points, or where x never changed
 */
export function robustSlope(points: readonly Point[], reach = 1): number | null {
  if (points.length < LEAST_POINTS) return null;
  const furthest = Math.max(1, Math.floor(points.length * reach));
  const slopes: WeightedSlope[] = [];
  points.forEach((from, index) => {
    for (const to of points.slice(index + 1, index + 1 + furthest)) {
      if (to.x !== from.x)
        slopes.push({ slope: (to.y - from.y) / (to.x - from.x), weight: Math.abs(to.x - from.x) });
    }
  });
  return weightedMedian(slopes);
}

/** The middle of some values; null where there are none. */
export function median(values: readonly number[]): number | null {
  return sampleOf(values)?.median ?? null;
}

interface WeightedSlope {
  slope: number;
  weight: number;
}

/** The slope at which half of the weight is reached. */
function weightedMedian(slopes: WeightedSlope[]): number | null {
  slopes.sort((a, b) => a.slope - b.slope);
  let left = slopes.reduce((sum, { weight }) => sum + weight, 0) / 2;
  for (const { slope, weight } of slopes) {
    left -= weight;
    if (left <= 0) return slope;
  }
  return null;
}
