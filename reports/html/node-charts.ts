import type { Unit } from '../../record/metrics.js';
import type { NodeSample, TimelineSample } from '../../record/timeline.js';
import type { ChartPlan } from './chart-plan.js';
import { line, timeChart } from './time-charts.js';

/** Red is left out: it is for alerts. More lines cannot be told apart. */
const COLOURS = [1, 2, 3, 5, 6, 8, 7];
const DASHES = ['solid', 'dashed', 'dotted'] as const;

/** A line for each server of a cluster; none where there is no cluster. */
export function nodeCharts(samples: TimelineSample[]): ChartPlan[] {
  const names = [
    ...new Set(samples.flatMap(({ server }) => (server?.nodes ?? []).map(({ name }) => name))),
  ].sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
  if (names.length === 0) return [];
  const drawn = names.slice(0, COLOURS.length);
  const notes =
    drawn.length < names.length ? [`The first ${drawn.length} of ${names.length} nodes are drawn.`] : [];
  const chart = (
    id: string,
    title: string,
    subtitle: string,
    unit: Unit,
    read: (node: NodeSample) => number | undefined,
  ): ChartPlan => {
    const lines = drawn.map((name, index) =>
      line(
        samples,
        name,
        COLOURS[index] ?? 7,
        ({ server }) => {
          const node = server?.nodes?.find((each) => each.name === name);
          return node && read(node);
        },
        { dash: DASHES[index % DASHES.length] ?? 'solid' },
      ),
    );
    return { ...timeChart(samples, id, title, subtitle, unit, lines), isHalf: true, notes };
  };
  return [
    chart(
      'node-connections',
      'Connections by node',
      'as each node tells them',
      'count',
      (node) => node.connections,
    ),
    ...(samples.some(({ server }) => server?.nodes?.some(({ homes }) => homes !== undefined))
      ? [chart('node-homes', 'Homes by node', 'open there', 'count', (node) => node.homes)]
      : []),
    chart('node-cpu', 'CPU by node', 'cores in use', 'cores', (node) => node.cpu),
  ];
}
