import { describe, expect, test } from 'vitest';
import type { ChartPlan } from '../../../reports/html/chart-plan.js';
import { MOST_POINTS, thinned } from '../../../reports/html/drawn-points.js';

function planOf(values: (number | null)[]): ChartPlan {
  const series = [{ label: 'open', values, colour: 1, dash: 'solid' as const, isFilled: false }];
  return {
    id: 'connections',
    title: 'Connections',
    subtitle: '',
    x: 'seconds',
    xs: values.map((_, second) => second + 1),
    unit: 'count',
    scale: 'linear',
    isHalf: false,
    variants: [{ label: 'all', series }],
    alerts: [],
    empty: null,
    notes: [],
  };
}

const valuesOf = (plan: ChartPlan): (number | null)[] => plan.variants[0]?.series[0]?.values ?? [];

describe('the points of a chart', () => {
  test('are all of the timeline up to what a screen can show', () => {
    const plan = planOf(Array.from({ length: MOST_POINTS }, (_, second) => second));
    expect(thinned(plan)).toBe(plan);
  });

  test('are the lowest and the highest of some lines each, where there are more', () => {
    const values = Array.from({ length: 86_400 }, (_, second) => 500 + (second % 10));
    values[40_000] = 9000;
    values[60_001] = 2;
    const plan = thinned(planOf(values));
    expect(plan.xs.length).toBeLessThanOrEqual(MOST_POINTS);
    expect(plan.xs.length).toBeGreaterThan(MOST_POINTS / 2);
    expect(valuesOf(plan)).toHaveLength(plan.xs.length);
    expect(Math.max(...(valuesOf(plan) as number[]))).toBe(9000);
    expect(Math.min(...(valuesOf(plan) as number[]))).toBe(2);
    const place = valuesOf(plan).indexOf(9000);
    expect(Math.abs((plan.xs[place] ?? 0) - 40_001)).toBeLessThan(128);
    expect([...plan.xs].sort((one, other) => one - other)).toEqual(plan.xs);
    expect(plan.notes).toEqual([
      'Of 128 lines of the timeline each, the lowest and the highest value are drawn; timeline.ndjson has all.',
    ]);
  });

  test('that are drawn stay where they are when a run goes on', () => {
    const values = Array.from({ length: 3000 }, (_, second) => (second * 7919) % 1009);
    const [before, after] = [thinned(planOf(values.slice(0, 2901))), thinned(planOf(values))];
    const whole = Math.floor(2901 / 4) * 2;
    expect(after.xs.slice(0, whole)).toEqual(before.xs.slice(0, whole));
    expect(valuesOf(after).slice(0, whole)).toEqual(valuesOf(before).slice(0, whole));
  });

  test('say that nothing was recorded only where nothing was', () => {
    const values: (number | null)[] = new Array(4000).fill(null);
    values[2001] = 3;
    const drawn = valuesOf(thinned(planOf(values)));
    expect(drawn.filter((value) => value !== null)).toEqual([3, 3]);
  });
});
