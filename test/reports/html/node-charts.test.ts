import { expect, test } from 'vitest';
import { nodeCharts } from '../../../reports/html/node-charts.js';
import { htmlReport } from '../../../reports/html/page.js';
import { reportedRun } from '../../fixtures/reported-run.js';
import { steadyRun } from '../../fixtures/steady-run.js';

const node = (name: string, connections: number, cpu: number) => ({
  name,
  pid: 7,
  connections,
  cpu,
  seconds: 1,
  privateBytes: 1000,
  eventLoopLagMs: 1,
});

test('each node of a cluster has a line of its own, with a gap where it did not answer', () => {
  const { samples } = steadyRun([{ name: 'talk', seconds: 2, rate: 0 }], (sample, second) => {
    if (!sample.server) return;
    const second2 = node('node-2', 10 * second, 0.5);
    sample.server.nodes = second === 3 ? [second2] : [node('node-10', second, 0.25), second2];
  });
  const [connections, cpu] = nodeCharts(samples);
  expect(connections?.variants[0]?.series.map(({ label, values }) => [label, values])).toEqual([
    ['node-2', [10, 20, 30, 40]],
    ['node-10', [1, 2, null, 4]],
  ]);
  expect(cpu?.variants[0]?.series.map(({ values }) => values)).toEqual([
    [0.5, 0.5, 0.5, 0.5],
    [0.25, 0.25, null, 0.25],
  ]);
});

test('the homes of each node are a chart as well, where nodes tell of them', () => {
  const { samples } = steadyRun([{ name: 'talk', seconds: 1, rate: 0 }], (sample) => {
    if (sample.server) sample.server.nodes = [{ ...node('node-1', 1, 0.5), homes: 8 }];
  });
  expect(nodeCharts(samples).map(({ id }) => id)).toEqual(['node-connections', 'node-homes', 'node-cpu']);
  expect(nodeCharts(samples)[1]?.variants[0]?.series[0]?.values).toEqual(samples.map(() => 8));
});

test('they are in the report', async () => {
  const { record, samples } = steadyRun([{ name: 'talk', seconds: 1, rate: 0 }], (sample) => {
    if (sample.server) sample.server.nodes = [{ ...node('node-1', 1, 0.5), homes: 8 }];
  });
  const html = await htmlReport(reportedRun(record, samples));
  for (const { id } of nodeCharts(samples)) expect(html).toContain(`id="chart-${id}"`);
});

test('a server that is no cluster has none', async () => {
  const { record, samples } = steadyRun();
  expect(nodeCharts(samples)).toEqual([]);
  expect(await htmlReport(reportedRun(record, samples))).not.toContain('id="chart-node-');
});
