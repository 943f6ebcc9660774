import { normalQuantile, normalTail } from './normal-distribution.js';
import { medianOfSorted } from './sample.js';

/**
 * Mann and Whitney's U test and the shift that belongs to it: whether the figures of one set of runs tend to be higher
 * than those of another, and by how much. Both go by order alone, so one run that took three times as long as the rest
 * weighs no more than one that was the slowest by a hair.
 *
 * Sources: H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is stochastically larger than
 * the other", Annals of Mathematical Statistics 18 (1947) 50-60; J. L. Hodges, E. L. Lehmann, "Estimates of location
 * based on rank tests", ibid. 34 (1963) 598-611; both in M. Hollander, D. A. Wolfe, "Nonparametric Statistical
 * Methods", 2nd edition (1999), 4.1 to 4.3. R has them as wilcox.test.
 */

/** Up to so many runs in all, the distribution of U is counted out. The counts stay whole numbers: below 2 ** 53. */
const EXACT_UP_TO = 50;

export interface MannWhitney {
  /** Pairs of one value of either side in which `current` is the higher one; a tie counts as half a pair. */
  u: number;
  /** How often two sides that are alike come to a U as high as this, or higher. */
  pHigher: number;
  /** The same for a U as low as this. */
  pLower: number;
  /** For both directions at once: as far from the mean of U as this. */
  p: number;
  /** Counted out, ties included; else by the normal approximation, corrected for ties and continuity. */
  isExact: boolean;
}

/** A change of location and the interval that holds it, in the unit of the values. */
export interface Shift {
  /** The median of all differences between a value of `current` and one of `base`. */
  estimate: number;
  /** Null where so few values cannot give the confidence asked for. */
  interval: Interval | null;
}

export interface Interval {
  low: number;
  high: number;
}

/** @throws RangeError if a side is empty */
export function mannWhitney(base: readonly number[], current: readonly number[]): MannWhitney {
  const u = pairsHigher(base, current);
  const ranks = doubledMidranks([...base, ...current]);
  const isExact = ranks.length <= EXACT_UP_TO;
  const tails = isExact
    ? exactTails(ranks, ranks.slice(base.length))
    : approximateTails(ranks, base.length, current.length, u);
  return { u, ...tails, isExact };
}

/** U alone. @throws RangeError if a side is empty */
export function pairsHigher(base: readonly number[], current: readonly number[]): number {
  if (base.length === 0 || current.length === 0) throw new RangeError('each side needs at least one run');
  let pairs = 0;
  for (const before of base)
    for (const after of current) pairs += after > before ? 1 : after === before ? 0.5 : 0;
  return pairs;
}

/**
 * Hodges and Lehmann's shift. Its interval is the set of shifts that the test does not reject.
 * @param rank which difference, counted from either end, bounds the interval, such as `intervalRank` gives; 0: no interval
 * @throws RangeError if a side is empty
 */
export function hodgesLehmann(base: readonly number[], current: readonly number[], rank: number): Shift {
  if (base.length === 0 || current.length === 0) throw new RangeError('each side needs at least one run');
  const differences = new Float64Array(base.length * current.length);
  current.forEach((after, at) => {
    base.forEach((before, beside) => {
      differences[at * base.length + beside] = after - before;
    });
  });
  differences.sort();
  const interval =
    rank === 0 ? null : { low: differences[rank - 1]!, high: differences[differences.length - rank]! };
  return { estimate: medianOfSorted(differences), interval };
}

/**
 * The largest k for which P(U < k) is at most `tail` where no two values are alike: the k-th difference from either end
 * bounds an interval of confidence 1 - 2 * tail. With ties it holds more often than that (Hollander and Wolfe, 4.3).
 */
export function intervalRank(baseRuns: number, currentRuns: number, tail: number): number {
  const runs = baseRuns + currentRuns;
  const pairs = baseRuns * currentRuns;
  if (runs > EXACT_UP_TO)
    return Math.max(
      0,
      Math.floor(pairs / 2 - normalQuantile(1 - tail) * Math.sqrt((pairs * (runs + 1)) / 12)),
    );
  const ranks = Array.from({ length: runs }, (_, index) => 2 * (index + 1));
  const counts = rankSumCounts(ranks, currentRuns);
  const lowest = currentRuns * (currentRuns + 1);
  const all = sum(counts);
  let k = 0;
  for (let below = counts[lowest]!; below / all <= tail; below += counts[lowest + 2 * k]!) k += 1;
  return k;
}

/** The smallest p in one direction that sets of this size can reach: every value of one side above all of the other. */
export function smallestP(baseRuns: number, currentRuns: number): number {
  let ways = 1;
  for (let step = 1; step <= currentRuns; step += 1) ways *= (baseRuns + step) / step;
  return 1 / ways;
}

/** Of all ways to choose which runs are `current`, the shares whose rank sum is as high, as low or as far out. */
function exactTails(ranks: readonly number[], currentRanks: readonly number[]): Tails {
  const counts = rankSumCounts(ranks, currentRanks.length);
  const observed = sum(currentRanks);
  const mean = (sum(ranks) * currentRanks.length) / ranks.length;
  let higher = 0;
  let lower = 0;
  let asFar = 0;
  counts.forEach((count, rankSum) => {
    if (rankSum >= observed) higher += count;
    if (rankSum <= observed) lower += count;
    // A rounding error's width: the mean can be a fraction that has no exact form.
    if (Math.abs(rankSum - mean) >= Math.abs(observed - mean) - 1e-6) asFar += count;
  });
  const all = sum(counts);
  return { pHigher: higher / all, pLower: lower / all, p: asFar / all };
}

type Tails = Pick<MannWhitney, 'pHigher' | 'pLower' | 'p'>;

/** `counts[s]`: in how many ways `chosen` of the ranks add up to s. */
function rankSumCounts(ranks: readonly number[], chosen: number): Float64Array {
  const highest = sum(ranks);
  const ways = Array.from({ length: chosen + 1 }, () => new Float64Array(highest + 1));
  ways[0]![0] = 1;
  let reached = 0;
  ranks.forEach((rank, index) => {
    reached += rank;
    // From many to few, so that no rank is taken twice.
    for (let taken = Math.min(chosen, index + 1); taken > 0; taken -= 1) {
      const without = ways[taken - 1]!;
      const including = ways[taken]!;
      for (let total = rank; total <= reached; total += 1) including[total]! += without[total - rank]!;
    }
  });
  return ways[chosen]!;
}

function approximateTails(ranks: readonly number[], baseRuns: number, currentRuns: number, u: number): Tails {
  const runs = baseRuns + currentRuns;
  const pairs = baseRuns * currentRuns;
  const tied = sum(tieSizes(ranks).map((size) => size ** 3 - size)) / (runs * (runs - 1));
  const deviation = Math.sqrt((pairs / 12) * (runs + 1 - tied));
  if (deviation === 0) return { pHigher: 1, pLower: 1, p: 1 };
  const distance = u - pairs / 2;
  return {
    pHigher: normalTail((distance - 0.5) / deviation),
    pLower: normalTail((-distance - 0.5) / deviation),
    p: Math.min(1, 2 * normalTail((Math.abs(distance) - 0.5) / deviation)),
  };
}

/** Twice the rank of each value, so that values which share the mean of their ranks have whole numbers too. */
function doubledMidranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((one, other) => values[one]! - values[other]!);
  const ranks = new Array<number>(values.length);
  for (let first = 0; first < order.length; ) {
    let next = first + 1;
    while (next < order.length && values[order[next]!] === values[order[first]!]) next += 1;
    for (const index of order.slice(first, next)) ranks[index] = first + 1 + next;
    first = next;
  }
  return ranks;
}

function tieSizes(ranks: readonly number[]): number[] {
  const sizes = new Map<number, number>();
  for (const rank of ranks) sizes.set(rank, (sizes.get(rank) ?? 0) + 1);
  return [...sizes.values()];
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
