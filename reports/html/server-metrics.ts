import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { formatFigure } from '../format.js';
import type { ChartPlan } from './chart-plan.js';
import { line, timeChart } from './time-charts.js';

/** What the server said of itself: one line at a time, as each has a unit of its own. None where it was not asked. */
export function serverMetricsCharts(
  { serverMetrics = [] }: RunRecord,
  samples: TimelineSample[],
): ChartPlan[] {
  if (serverMetrics.length === 0) return [];
  const plan = timeChart(
    samples,
    'server-metrics',
    'What the server says of itself',
    'series of its page of metrics, in their own units',
    'number',
    [],
  );
  const variants = serverMetrics
    .map(({ name }) => ({
      label: name,
      series: [line(samples, name, 1, (sample) => sample.serverMetrics?.[name])],
    }))
    .filter(({ series }) => series.some(({ values }) => values.some((value) => value !== null)));
  return [
    {
      ...plan,
      variants,
      empty: variants.length === 0 ? 'The page of the server had no number for any of the series.' : null,
      notes: serverMetrics.map(({ name, ...figures }) => `${name}: ${figureWords(figures)}.`),
    },
  ];
}

function figureWords(figures: Record<'min' | 'mean' | 'max' | 'last', number | null>): string {
  if (figures.last === null) return 'nothing was told of it';
  const words = { lowest: figures.min, mean: figures.mean, highest: figures.max, last: figures.last };
  return Object.entries(words)
    .map(([word, value]) => `${word} ${formatFigure(value, 'number')}`)
    .join(', ');
}
