import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interleavedOrder } from '../../../record/comparison/interleaving.js';
import { type FigureOfSets, judgeSets } from '../../../record/comparison/judge-sets.js';

/** Around 1, in no order: five runs with a few per cent of noise. */
const STEADY = [1.01, 0.98, 1, 0.99, 1.02];

function latency(change: Partial<FigureOfSets>): FigureOfSets {
  const base = STEADY.map((value) => value * 10);
  return {
    path: 'latency.delivered.p50',
    worse: 'higher',
    noise: 0,
    isStrict: false,
    base,
    current: base,
    ...change,
  };
}

const times = (factor: number) => STEADY.map((value) => value * 10 * factor);
const lost = (base: number[], current: number[]) =>
  latency({ path: 'messages.lost', isStrict: true, base, current });

function verdictOf(figure: FigureOfSets, options?: Parameters<typeof judgeSets>[1]) {
  return judgeSets([figure], options)[0]?.verdict;
}

describe('two sets of runs', () => {
  test('are worse where a figure rose by a fifth, for certain', () => {
    const [judged] = judgeSets([latency({ current: times(1.2) })]);
    expect(judged).toMatchObject({
      verdict: 'worse',
      isSuspect: true,
      moreRuns: null,
      p: 1 / 252,
      adjustedP: 1 / 252,
      base: { median: 10, lowest: 9.8, highest: 10.2 },
    });
    expect(judged?.change).toMatchObject({ scale: 'ratio' });
    expect(judged?.change?.estimate).toBeCloseTo(1.2, 10);
    expect(judged?.change?.interval?.low).toBeGreaterThan(1.15);
    expect(judged?.change?.interval?.high).toBeLessThan(1.25);
  });

  test('are better where it fell, and the other way round for a rate', () => {
    expect(verdictOf(latency({ current: times(0.8) }))).toBe('better');
    expect(verdictOf(latency({ current: times(0.8), worse: 'lower' }))).toBe('worse');
    expect(verdictOf(latency({ current: times(1.2), worse: 'lower' }))).toBe('better');
  });

  test('are the same where any change that could be there is not worth reporting', () => {
    expect(verdictOf(latency({}))).toBe('same');
  });

  test('are the same where the change is certain and not worth reporting', () => {
    const precise = latency({
      base: [100, 100.1, 100.2, 100.3, 100.4],
      current: [102, 102.1, 102.2, 102.3, 102.4],
    });
    expect(verdictOf(precise)).toBe('same');
    expect(verdictOf(precise, { smallestEffect: 0.01 })).toBe('worse');
  });

  test('are the same within the noise of the unit, whatever share of the base that is', () => {
    const doubled = latency({ base: STEADY.map((ms) => ms / 5), current: STEADY.map((ms) => (ms * 2) / 5) });
    expect(verdictOf(doubled)).toBe('worse');
    expect(verdictOf({ ...doubled, noise: 0.5 })).toBe('same');
  });

  test('are inconclusive where they overlap, and about so many more runs are asked for', () => {
    const noisy = latency({ base: [10, 12, 9, 14, 11], current: [11, 13, 12, 10, 15] });
    const [judged] = judgeSets([noisy]);
    expect(judged?.verdict).toBe('inconclusive');
    expect(judged?.moreRuns).toBeGreaterThan(5);
    expect(judged?.moreRuns).toBeLessThan(100);
  });

  test('ask for fewer runs where less would do: a larger smallest effect, less noise', () => {
    const noisy = latency({ base: [10, 12, 9, 14, 11], current: [11, 12.5, 9.5, 10, 13] });
    const asked = (figure: FigureOfSets, smallestEffect: number) =>
      judgeSets([figure], { smallestEffect })[0]?.moreRuns ?? 0;
    expect(asked(noisy, 0.1)).toBeLessThan(asked(noisy, 0.05));
    const calmer = (side: readonly (number | null)[]) => side.map((value) => Math.sqrt((value ?? 0) * 10));
    expect(asked({ ...noisy, base: calmer(noisy.base), current: calmer(noisy.current) }, 0.05)).toBeLessThan(
      asked(noisy, 0.05),
    );
  });

  test('are missing a figure that only some of the runs recorded, and say nothing about it', () => {
    const gone = latency({ current: [10, 10, null, 10, 10] });
    expect(judgeSets([gone])[0]).toMatchObject({
      verdict: 'missing',
      change: null,
      p: null,
      base: { median: 10 },
      current: { median: 10 },
    });
    expect(verdictOf(latency({ base: new Array(5).fill(null) }))).toBe('missing');
  });

  test('leave out what no run recorded', () => {
    expect(judgeSets([latency({ base: [null], current: [null] })])).toEqual([]);
  });

  test('are refused without runs, or with an order that is not theirs', () => {
    expect(() => judgeSets([latency({ base: [] })])).toThrow(/latency\.delivered\.p50: a side has no runs/);
    expect(() => judgeSets([latency({})], { order: interleavedOrder(4) })).toThrow(
      /5 and 5 runs, and an order of 4/,
    );
  });

  test('judge nothing by a figure that has no worse direction, and show its change', () => {
    const [judged] = judgeSets([latency({ worse: 'neither', current: times(3) })]);
    expect(judged).toMatchObject({ verdict: null, adjustedP: null, isSuspect: false });
    expect(judged?.change?.estimate).toBeCloseTo(3, 10);
  });

  test('keep their verdict in any unit', () => {
    fc.assert(
      fc.property(sets, fc.double({ min: 0.001, max: 1000, noNaN: true }), ([base, current], unit) => {
        const inUnit = (side: number[]) => side.map((value) => value * unit);
        expect(verdictOf(latency({ base: inUnit(base), current: inUnit(current) }))).toBe(
          verdictOf(latency({ base, current })),
        );
      }),
    );
  });

  test('turn worse into better when they change places', () => {
    const opposite = { worse: 'better', better: 'worse' } as Record<string, string>;
    fc.assert(
      fc.property(sets, ([base, current]) => {
        const there = verdictOf(latency({ base, current })) ?? '';
        expect(verdictOf(latency({ base: current, current: base }))).toBe(opposite[there] ?? there);
      }),
    );
  });
});

describe('figures of messages that must not be', () => {
  test('are worse as soon as one run of the new set has one and no run of the base does', () => {
    expect(verdictOf(lost([0, 0, 0, 0, 0], [0, 0, 1, 0, 0]))).toBe('worse');
    expect(verdictOf(lost([0], [1]))).toBe('worse');
  });

  test('are worse though another run did not record them', () => {
    const figure = lost([0, 0], [1, 0]);
    expect(verdictOf({ ...figure, current: [1, null] })).toBe('worse');
    expect(verdictOf({ ...figure, current: [0, null] })).toBe('missing');
    expect(verdictOf({ ...figure, current: [null, null] })).toBe('missing');
  });

  test('are the same without any, even of one run with one', () => {
    expect(verdictOf(lost([0], [0]))).toBe('same');
    expect(verdictOf(lost([0, 0, 2], [0, 0, 0]))).toBe('better');
  });
});

describe('one run against one', () => {
  test('is inconclusive however large the change, which is told', () => {
    const [judged] = judgeSets([latency({ base: [10], current: [30] })]);
    expect(judged).toMatchObject({ verdict: 'inconclusive', isSuspect: true });
    expect(judged?.change?.estimate).toBeCloseTo(3, 12);
    expect(judged?.change?.interval).toBeNull();
    expect(judged?.moreRuns).toBeGreaterThanOrEqual(2);
    expect(judgeSets([latency({ base: [10], current: [10] })])[0]).toMatchObject({
      verdict: 'inconclusive',
      isSuspect: false,
    });
  });
});

describe('counts that may be zero', () => {
  const failed = (base: number[], current: number[]) =>
    latency({ path: 'connections.failed', base, current });

  test('are compared by difference, in their own unit', () => {
    const [judged] = judgeSets([failed([0, 0, 1, 0, 0], [7, 9, 8, 7, 9])]);
    expect(judged).toMatchObject({ verdict: 'worse', change: { scale: 'difference', estimate: 8 } });
  });

  test('are the same where all runs have none', () => {
    expect(verdictOf(failed([0, 0, 0, 0, 0], [0, 0, 0, 0, 0]))).toBe('same');
  });

  test('are inconclusive where one run of five has some', () => {
    expect(verdictOf(failed([0, 0, 0, 0, 0], [0, 0, 3, 0, 0]))).toBe('inconclusive');
  });
});

describe('many figures', () => {
  const unmoved = Array.from({ length: 14 }, (_, at) =>
    latency({ path: `unmoved.${at}`, base: [10, 12, 9, 14, 11], current: [11, 13, 10, 12, 8] }),
  );

  test('hold back one figure of 15 that moved alone, and ask for one more run', () => {
    const [judged] = judgeSets([latency({ current: times(1.2) }), ...unmoved]);
    expect(judged).toMatchObject({ verdict: 'inconclusive', isSuspect: true, moreRuns: 1 });
    expect(judged?.adjustedP).toBeCloseTo(15 / 252, 10);
  });

  test('support one another where two moved', () => {
    const [one, other] = judgeSets([
      latency({ current: times(1.2) }),
      latency({ path: 'latency.delivered.p90', current: times(1.2) }),
      ...unmoved.slice(1),
    ]);
    expect([one?.verdict, other?.verdict]).toEqual(['worse', 'worse']);
  });

  test('are not more for figures that had one value in all runs', () => {
    const constant = unmoved.map((figure) => ({
      ...figure,
      base: STEADY.map(() => 5),
      current: [5, 5, 5, 5, 5],
    }));
    expect(verdictOf(latency({ current: times(1.2) }))).toBe('worse');
    expect(judgeSets([latency({ current: times(1.2) }), ...constant])[0]?.verdict).toBe('worse');
  });
});

describe('interleaved sets', () => {
  const order = interleavedOrder(5);
  /** A machine that becomes half as fast while ten runs last. */
  const drifting = (slowdown: number) => {
    const sides = { base: [] as number[], current: [] as number[] };
    order.forEach((side, at) => {
      const machine = 2 ** (at / 9);
      sides[side].push(10 * machine * STEADY[(at * 3) % 5]! * (side === 'current' ? slowdown : 1));
    });
    return latency(sides);
  };

  test('show a change of a fifth on a machine that becomes half as fast, which hides it from two piles', () => {
    expect(verdictOf(drifting(1.2))).toBe('inconclusive');
    expect(verdictOf(drifting(1.2), { order })).toBe('worse');
    const [judged] = judgeSets([drifting(1.2)], { order });
    expect(judged?.change?.estimate).toBeGreaterThan(1.15);
    expect(judged?.change?.estimate).toBeLessThan(1.25);
  });

  test('show none where there is none', () => {
    expect(['same', 'inconclusive']).toContain(verdictOf(drifting(1), { order }));
  });
});

const positive = fc.integer({ min: 900, max: 1300 }).map((value) => value / 100);
const five = fc.array(positive, { minLength: 5, maxLength: 5 });
const sets = fc.tuple(five, five);
