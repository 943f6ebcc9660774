/// <reference lib="dom" />
import type { ChartPlan, ReportData } from '../chart-plan.js';
import { type DrawnChart, drawChart } from './chart.js';
import { onThemeChange, readColours } from './theme.js';

/** The charts of the page, each in its figure. */
export interface ReportCharts {
  /** Draws a chart; one of the same name goes, and what the reader has chosen of it is chosen of this one. */
  draw(plan: ChartPlan): void;
  /** The plan of this chart holds other figures than when it was drawn. */
  grow(id: string): void;
  remove(id: string): void;
}

/** Draws every chart of the page. */
export function drawCharts(report: ReportData): ReportCharts {
  let colours = readColours();
  const drawn = new Map<string, DrawnChart>();
  onThemeChange((isPrinting) => {
    colours = readColours();
    for (const chart of drawn.values()) chart.restyle(isPrinting);
  });
  const remove = (id: string): void => {
    drawn.get(id)?.destroy();
    drawn.delete(id);
  };
  const draw = (plan: ChartPlan): void => {
    const choice = drawn.get(plan.id)?.choice;
    remove(plan.id);
    const figure = document.querySelector(`#chart-${plan.id}`);
    if (figure && plan.empty === null)
      drawn.set(
        plan.id,
        drawChart(figure, plan, report, () => colours, choice),
      );
  };
  for (const plan of report.charts) draw(plan);
  return { draw, remove, grow: (id) => drawn.get(id)?.grow() };
}
