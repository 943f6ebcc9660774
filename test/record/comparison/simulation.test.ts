import { describe, expect, test } from 'vitest';
import { type JudgedFigure, judgeSets } from '../../../record/comparison/judge-sets.js';
import { secondLook } from '../../../record/comparison/second-look.js';
import { QUIET_LAB, type SimulatedComparison, type SimulatedLab, simulation } from './simulated-runs.js';

const isWorse = (judged: JudgedFigure[]): boolean => judged.some(({ verdict }) => verdict === 'worse');

/** As two piles of records, like those of `c2m run --repeat 5`. */
function asPiles({ figures }: SimulatedComparison): boolean {
  return isWorse(judgeSets(figures));
}

function interleaved({ figures, order }: SimulatedComparison): boolean {
  return isWorse(judgeSets(figures, { order }));
}

/** Interleaved, and suspects are run again before they fail a job. */
function withSecondLook(first: SimulatedComparison): boolean {
  const again = secondLook(judgeSets(first.figures, { order: first.order }));
  if (again === null) return false;
  const { figures, order } = first.runAgain();
  return isWorse(judgeSets(figures, { order, level: again.level }));
}

/** Of so many comparisons of five runs with five, the share that says `worse`. */
function shareCalledWorse(
  comparisons: number,
  lab: Partial<SimulatedLab>,
  judge: (comparison: SimulatedComparison) => boolean,
): number {
  const { comparison } = simulation(20_261_129);
  let worse = 0;
  for (let count = 0; count < comparisons; count += 1)
    if (judge(comparison({ ...QUIET_LAB, ...lab }, 5))) worse += 1;
  return worse / comparisons;
}

describe('unchanged code, five runs with five, is called worse in at most one of 20 comparisons', () => {
  test.each([3, 5, 10])(
    'as two piles on a machine that keeps its speed, with %i per cent noise',
    (percent) => {
      expect(shareCalledWorse(300, { noise: percent / 100 }, asPiles)).toBeLessThan(0.03);
    },
  );

  test.each([
    ['keeps its speed', 'none'],
    ['becomes twice as fast or half as fast meanwhile', 'steady'],
    ['does so and recovers', 'wave'],
  ] as const)('interleaved, with one run of 50 astray, on a machine that %s', (_, drift) => {
    expect(shareCalledWorse(400, { drift, strayRuns: 0.02 }, interleaved)).toBeLessThan(0.03);
  });

  test('and with suspects run again before they fail a job', () => {
    expect(shareCalledWorse(400, { strayRuns: 0.02 }, withSecondLook)).toBeLessThan(0.03);
  });
});

describe('a server that takes 20 % longer is found in at least 19 of 20 comparisons of five runs with five', () => {
  test('as two piles, with 5 per cent noise, on a machine that keeps its speed', () => {
    expect(shareCalledWorse(200, { slowdown: 0.2 }, asPiles)).toBeGreaterThan(0.95);
  });

  test('interleaved, with 5 per cent noise, on a machine that becomes twice as fast or half as fast', () => {
    expect(shareCalledWorse(200, { slowdown: 0.2, drift: 'steady' }, interleaved)).toBeGreaterThan(0.95);
  });

  test('with suspects run again, with one run of 50 astray on such a machine', () => {
    const lab = { slowdown: 0.2, drift: 'steady', strayRuns: 0.02 } as const;
    expect(shareCalledWorse(200, lab, withSecondLook)).toBeGreaterThan(0.95);
  });

  test('with suspects run again, on a machine that becomes half as fast and recovers within ten runs', () => {
    expect(shareCalledWorse(200, { slowdown: 0.2, drift: 'wave' }, withSecondLook)).toBeGreaterThan(0.95);
  });

  test('with suspects run again, with 10 per cent noise', () => {
    expect(shareCalledWorse(200, { slowdown: 0.2, noise: 0.1 }, withSecondLook)).toBeGreaterThan(0.95);
  });
});

test('two piles hide that slowdown on a machine that drifts, and say that they cannot tell', () => {
  expect(shareCalledWorse(100, { slowdown: 0.2, drift: 'steady' }, asPiles)).toBeLessThan(0.05);
});
