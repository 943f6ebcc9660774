import { expect, test } from 'vitest';
import { moreRunsNeeded, type Undecided } from '../../../record/comparison/runs-needed.js';

const undecided: Undecided = {
  runs: 5,
  change: 0.2,
  smallest: 0.05,
  halfWidth: 0.3,
  level: 0.05,
  figures: 1,
  isAligned: false,
};

test('an interval twice as wide needs four times as many runs', () => {
  const narrow = 5 + (moreRunsNeeded(undecided) ?? 0);
  const wide = 5 + (moreRunsNeeded({ ...undecided, halfWidth: 0.6 }) ?? 0);
  expect(wide / narrow).toBeCloseTo(4, 0);
});

test('a change is shown with 80 per cent of power: a standard error of the change over 2.49', () => {
  // 1.645 + 0.842 standard errors; the half width is 1.645 of them.
  expect(5 + (moreRunsNeeded(undecided) ?? 0)).toBe(Math.ceil(5 * ((0.3 / 1.645) * (2.487 / 0.2)) ** 2));
});

test('a change too small to report needs as many runs as exclude one that is not', () => {
  const none = moreRunsNeeded({ ...undecided, change: 0, halfWidth: 0.1 });
  expect(5 + (none ?? 0)).toBe(Math.ceil(5 * ((0.1 / 1.645) * (2.926 / 0.05)) ** 2));
  expect(moreRunsNeeded({ ...undecided, change: 0.04, halfWidth: 0.1 })).toBe(none);
});

test('too few runs for an interval need as many as let one figure of so many speak', () => {
  const one = { ...undecided, runs: 1, halfWidth: null };
  // 1 / C(6, 3) = 0.05, and 1 / C(12, 6) = 0.001.
  expect(moreRunsNeeded(one)).toBe(2);
  expect(moreRunsNeeded({ ...one, figures: 15 })).toBe(5);
  expect(moreRunsNeeded({ ...one, figures: 15, isAligned: true })).toBe(7);
});

test('what no number of runs would decide is not promised', () => {
  expect(moreRunsNeeded({ ...undecided, change: 0, smallest: 0 })).toBeNull();
  expect(moreRunsNeeded({ ...undecided, halfWidth: 100 })).toBeNull();
});
