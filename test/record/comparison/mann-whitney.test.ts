import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hodgesLehmann,
  intervalRank,
  mannWhitney,
  smallestP,
} from '../../../record/comparison/mann-whitney.js';

const values = (fewest: number, most: number) =>
  fc.array(fc.integer({ min: -20, max: 20 }), { minLength: fewest, maxLength: most });

describe('a set of runs against another', () => {
  test('has the p of the published example of Hollander and Wolfe, 4.1', () => {
    // R: wilcox.test(x, y) and coin's wilcox_test(distribution = "exact") say W = 35, p = 0.2544, one-sided 0.1272.
    const atTerm = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    const earlier = [1.15, 0.88, 0.9, 0.74, 1.21];
    const { u, p, pHigher, isExact } = mannWhitney(earlier, atTerm);
    expect({ u, isExact }).toEqual({ u: 35, isExact: true });
    expect(p).toBeCloseTo(0.2544, 4);
    expect(pHigher).toBeCloseTo(0.1272, 4);
  });

  test('has the shift and the interval of the same example', () => {
    // R: difference in location 0.305, 95 percent confidence interval -0.15 to 0.76.
    const atTerm = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    const earlier = [1.15, 0.88, 0.9, 0.74, 1.21];
    const { estimate, interval } = hodgesLehmann(earlier, atTerm, intervalRank(5, 10, 0.025));
    expect(estimate).toBeCloseTo(0.305, 10);
    expect(interval?.low).toBeCloseTo(-0.15, 10);
    expect(interval?.high).toBeCloseTo(0.76, 10);
  });

  test('of many runs with ties has the p of the normal approximation, corrected for ties and continuity', () => {
    // R: wilcox.test(Ozone ~ Month, data = airquality, subset = Month %in% c(5, 8)) says W = 127.5, p = 0.0001208.
    const may = [
      41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37,
    ];
    const august = [
      39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84,
      85,
    ];
    const { u, p, isExact } = mannWhitney(august, may);
    expect({ u, isExact }).toEqual({ u: 127.5, isExact: false });
    expect(p).toBeCloseTo(0.0001208, 7);
  });

  test.each([
    // Critical values of U, two-sided 5 %: Mann and Whitney (1947), in the back of most textbooks.
    [4, 4, 0],
    [5, 5, 2],
    [6, 6, 5],
    [7, 7, 8],
    [8, 8, 13],
    [9, 9, 17],
    [10, 10, 23],
    [20, 20, 127],
  ])('of %i with %i runs is significant at 5 % up to the critical U of the tables, %i', (m, n, critical) => {
    expect(intervalRank(m, n, 0.025)).toBe(critical + 1);
  });

  test('of five with five runs reaches no p below 2 in 252', () => {
    expect(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toMatchObject({
      u: 25,
      p: 2 / 252,
      pHigher: 1 / 252,
      pLower: 1,
    });
    expect(smallestP(5, 5)).toBeCloseTo(1 / 252, 12);
  });

  test('has the share of all ways to deal the runs out as its p, ties or not', () => {
    fc.assert(
      fc.property(values(1, 5), values(1, 5), (base, current) => {
        const { pHigher, pLower, p } = mannWhitney(base, current);
        const all = [...base, ...current];
        const deals = choices(all.length, current.length).map((chosen) =>
          mannWhitneyU(
            all.filter((_, at) => !chosen.includes(at)),
            all.filter((_, at) => chosen.includes(at)),
          ),
        );
        const observed = mannWhitneyU(base, current);
        const mean = (base.length * current.length) / 2;
        const share = (matches: (u: number) => boolean) => deals.filter(matches).length / deals.length;
        expect(pHigher).toBeCloseTo(
          share((u) => u >= observed),
          10,
        );
        expect(pLower).toBeCloseTo(
          share((u) => u <= observed),
          10,
        );
        expect(p).toBeCloseTo(
          share((u) => Math.abs(u - mean) >= Math.abs(observed - mean)),
          10,
        );
      }),
      { numRuns: 60 },
    );
  });

  test('turns around when the sets change places', () => {
    fc.assert(
      fc.property(values(1, 30), values(1, 30), (base, current) => {
        const there = mannWhitney(base, current);
        const back = mannWhitney(current, base);
        expect(there.u + back.u).toBe(base.length * current.length);
        expect(there.pHigher).toBeCloseTo(back.pLower, 9);
        expect(there.p).toBeCloseTo(back.p, 9);
      }),
    );
  });

  test('has the same p on any scale that keeps the order', () => {
    fc.assert(
      fc.property(values(1, 10), values(1, 10), (base, current) => {
        const stretched = (side: number[]) => side.map((value) => Math.exp(value / 4) + 3);
        expect(mannWhitney(stretched(base), stretched(current))).toEqual(mannWhitney(base, current));
      }),
    );
  });

  test('comes close to the counted p with the normal approximation', () => {
    const base = Array.from({ length: 25 }, (_, at) => at * 1.1);
    const counted = mannWhitney(
      base,
      base.map((value) => value + 4.03),
    );
    const approximate = mannWhitney(
      [...base, 13],
      base.map((value) => value + 4.03),
    );
    expect([counted.isExact, approximate.isExact]).toEqual([true, false]);
    expect(approximate.p).toBeCloseTo(counted.p, 1);
  });

  test('without runs on a side is refused', () => {
    expect(() => mannWhitney([], [1])).toThrow(RangeError);
    expect(() => hodgesLehmann([1], [], 1)).toThrow(RangeError);
  });
});

describe('the shift between two sets of runs', () => {
  test('moves with the runs and grows with their scale', () => {
    fc.assert(
      fc.property(values(4, 9), values(4, 9), fc.integer({ min: -9, max: 9 }), (base, current, by) => {
        const rank = intervalRank(base.length, current.length, 0.05);
        const { estimate, interval } = hodgesLehmann(base, current, rank);
        const moved = hodgesLehmann(
          base,
          current.map((value) => value + by),
          rank,
        );
        const scaled = hodgesLehmann(
          base.map((value) => 2 * value),
          current.map((value) => 2 * value),
          rank,
        );
        expect(moved.estimate).toBeCloseTo(estimate + by, 10);
        expect(moved.interval?.high).toBeCloseTo(interval!.high + by, 10);
        expect(scaled.estimate).toBeCloseTo(2 * estimate, 10);
        expect(interval!.low).toBeLessThanOrEqual(estimate);
        expect(interval!.high).toBeGreaterThanOrEqual(estimate);
      }),
    );
  });

  test('has an interval that leaves out 0 just when the test of one direction rejects', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer(), { minLength: 10, maxLength: 10 }), (all) => {
        const [base, current] = [all.slice(0, 5), all.slice(5)];
        const { interval } = hodgesLehmann(base, current, intervalRank(5, 5, 0.05));
        const { pHigher, pLower } = mannWhitney(base, current);
        expect(interval!.low > 0).toBe(pHigher <= 0.05);
        expect(interval!.high < 0).toBe(pLower <= 0.05);
      }),
    );
  });

  test('is moved little by one stray run', () => {
    const base = [100, 101, 102, 103, 104];
    expect(hodgesLehmann(base, [110, 111, 112, 113, 400], 1).estimate).toBeCloseTo(10, 10);
  });

  test('of two with two runs has no interval of 90 %', () => {
    expect(intervalRank(2, 2, 0.05)).toBe(0);
    expect(hodgesLehmann([1, 2], [3, 4], 0)).toEqual({ estimate: 2, interval: null });
  });
});

function mannWhitneyU(base: readonly number[], current: readonly number[]): number {
  return base
    .flatMap((before) => current.map((after) => (after > before ? 1 : after === before ? 0.5 : 0)))
    .reduce((sum: number, pair) => sum + pair, 0);
}

/** All ways to choose `count` of the numbers below `from`. */
function choices(from: number, count: number): number[][] {
  if (count === 0) return [[]];
  if (from < count) return [];
  return [...choices(from - 1, count), ...choices(from - 1, count - 1).map((rest) => [...rest, from - 1])];
}
