import type { ReportData } from '../html/chart-plan.js';
import { type ChartChange, growthOf, isStill } from './chart-growth.js';

/** All that a page shows at a moment. */
export interface PageFrame {
  title: string;
  /** HTML by the name of its place; every frame has the same places. */
  parts: Record<string, string>;
  data: ReportData;
}

/** What makes of a page as it was the page as it is. */
export interface PageChange {
  title: string;
  /** Those that are other than they were. */
  parts: Record<string, string>;
  around: Omit<ReportData, 'charts'>;
  charts: ChartChange[];
  /** Charts that are no more. */
  gone: string[];
  /** It holds the whole page, whatever was shown before. */
  isWhole: boolean;
}

/** The page as a whole, for whoever has nothing of it, or something too old. */
export function wholeChange({ title, parts, data }: PageFrame): PageChange {
  const { charts, ...around } = data;
  return {
    title,
    parts,
    around,
    charts: charts.map((plan) => ({ id: plan.id, plan })),
    gone: [],
    isWhole: true,
  };
}

/** Undefined: nothing is other than it was. */
export function changeBetween(before: PageFrame, after: PageFrame): PageChange | undefined {
  const parts = Object.fromEntries(
    Object.entries(after.parts).filter(([name, html]) => before.parts[name] !== html),
  );
  const plans = new Map(before.data.charts.map((plan) => [plan.id, plan]));
  const charts = after.data.charts.flatMap((plan): ChartChange[] => {
    const old = plans.get(plan.id);
    plans.delete(plan.id);
    const growth = old && growthOf(old, plan);
    if (!growth || !old) return [{ id: plan.id, plan }];
    return isStill(growth, old) ? [] : [{ id: plan.id, growth }];
  });
  const gone = [...plans.keys()];
  const { charts: _charts, ...around } = after.data;
  const isSame =
    Object.keys(parts).length + charts.length + gone.length === 0 &&
    before.title === after.title &&
    before.data.durationSeconds === after.data.durationSeconds;
  return isSame ? undefined : { title: after.title, parts, around, charts, gone, isWhole: false };
}
