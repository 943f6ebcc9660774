import type { ChartAlert, ChartPlan, ChartSeries } from '../html/chart-plan.js';

/** What has come to a chart since somebody saw it: the lines are the same, and most of their points. */
export interface ChartGrowth {
  /** Points that are as they were, from the first on. */
  kept: number;
  /** Those behind them. */
  xs: number[];
  /** The same for each line of each variant. */
  values: (number | null)[][][];
  alerts: ChartAlert[];
}

/** A chart that is another than it was, or one that has grown. */
export type ChartChange = { id: string; plan: ChartPlan } | { id: string; growth: ChartGrowth };

/** Undefined: it is another chart, with other lines or other words. */
export function growthOf(before: ChartPlan, after: ChartPlan): ChartGrowth | undefined {
  if (shapeOf(before) !== shapeOf(after)) return undefined;
  let kept = samePoints(before.xs, after.xs, Math.min(before.xs.length, after.xs.length));
  eachLine(before, after, (one, other) => {
    kept = samePoints(one.values, other.values, kept);
  });
  return {
    kept,
    xs: after.xs.slice(kept),
    values: after.variants.map(({ series }) => series.map(({ values }) => values.slice(kept))),
    alerts: after.alerts,
  };
}

/** Nothing has come to it, and nothing has gone. */
export function isStill({ kept, xs, alerts }: ChartGrowth, before: ChartPlan): boolean {
  return (
    xs.length === 0 && kept === before.xs.length && JSON.stringify(alerts) === JSON.stringify(before.alerts)
  );
}

/** Makes of a chart as it was what it is now; in place, as those who draw it hold its lines. */
export function growChart(plan: ChartPlan, { kept, xs, values, alerts }: ChartGrowth): void {
  replaceTail(plan.xs, kept, xs);
  plan.variants.forEach(({ series }, variant) => {
    series.forEach((line, index) => {
      replaceTail(line.values, kept, values[variant]?.[index] ?? []);
    });
  });
  plan.alerts = alerts;
}

function replaceTail<Item>(items: Item[], kept: number, tail: readonly Item[]): void {
  items.length = kept;
  for (const item of tail) items.push(item);
}

/** All but the points, the alerts, and the words below it, which the page has as HTML. */
function shapeOf({ xs: _xs, alerts: _alerts, notes: _notes, variants, ...plan }: ChartPlan): string {
  const lines = variants.map(({ label, series }) => [
    label,
    series.map(({ values: _values, ...line }) => line),
  ]);
  return JSON.stringify([plan, lines]);
}

function samePoints(
  one: readonly (number | null)[],
  other: readonly (number | null)[],
  most: number,
): number {
  let same = 0;
  while (same < most && one[same] === other[same]) same += 1;
  return same;
}

function eachLine(
  before: ChartPlan,
  after: ChartPlan,
  look: (one: ChartSeries, other: ChartSeries) => void,
): void {
  before.variants.forEach(({ series }, variant) => {
    series.forEach((line, index) => {
      look(line, after.variants[variant]?.series[index] as ChartSeries);
    });
  });
}
