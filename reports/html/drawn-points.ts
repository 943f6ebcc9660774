import type { ChartPlan, ChartSeries } from './chart-plan.js';

/** A wide screen has fewer pixels for a chart, and a run of a day has 86,400 seconds. */
export const MOST_POINTS = 1800;

/**
 * A chart over time with no more points than can be seen. Lines of the timeline that come one after the other become
 * two points: the lowest and the highest of them, in the order in which they came, so that no peak and no dip is lost.
 * How many are taken together doubles as a run goes on, so all points but the last stay as they are until then.
 */
export function thinned(plan: ChartPlan): ChartPlan {
  const count = plan.xs.length;
  if (count <= MOST_POINTS) return plan;
  const size = 2 ** Math.ceil(Math.log2((2 * count) / MOST_POINTS));
  const spans: Span[] = [];
  for (let from = 0; from < count; from += size) spans.push({ from, to: Math.min(from + size, count) });
  const xs = spans.flatMap(({ from, to }) => placesIn(from, to).map((place) => plan.xs[place] as number));
  const thinSeries = (series: ChartSeries): ChartSeries => ({
    ...series,
    values: spans.flatMap((span) => extremesIn(series.values, span)),
  });
  return {
    ...plan,
    xs,
    variants: plan.variants.map((variant) => ({ ...variant, series: variant.series.map(thinSeries) })),
    notes: [
      ...plan.notes,
      `Of ${size} lines of the timeline each, the lowest and the highest value are drawn; timeline.ndjson has all.`,
    ],
  };
}

interface Span {
  from: number;
  /** The first that is no part of it. */
  to: number;
}

/** Evenly apart, so that the points of all spans are. */
function placesIn(from: number, to: number): number[] {
  const length = to - from;
  return length === 1 ? [from] : [from + Math.floor(length / 4), from + Math.floor((3 * length) / 4)];
}

function extremesIn(values: readonly (number | null)[], { from, to }: Span): (number | null)[] {
  let [low, high] = [-1, -1];
  for (let index = from; index < to; index += 1) {
    const value = values[index] ?? null;
    if (value === null) continue;
    if (low < 0 || value < (values[low] as number)) low = index;
    if (high < 0 || value > (values[high] as number)) high = index;
  }
  if (to - from === 1) return [values[from] ?? null];
  if (low < 0) return [null, null];
  const [first, second] = low < high ? [low, high] : [high, low];
  return [values[first] as number, values[second] as number];
}
