import { expect, test } from 'vitest';
import { reportData } from '../../../reports/html/charts.js';
import { htmlReport } from '../../../reports/html/page.js';
import { recordFixture } from '../../fixtures/record.js';
import { reportedRun } from '../../fixtures/reported-run.js';

test('what the server says of itself is a chart with a line at a time, and its extremes in words', async () => {
  const { record, samples } = recordFixture((made) => {
    made.serverMetrics = [
      { name: 'queue', min: 0, mean: 12.34, max: 40, last: 3 },
      { name: 'typo', min: null, mean: null, max: null, last: null },
      { name: 'wait', min: 0.0012, mean: 0.002, max: 0.5, last: 0.01 },
    ];
  });
  samples.forEach((sample, second) => {
    if (second % 2 === 0) sample.serverMetrics = { queue: second, wait: 0.002 };
  });
  const run = reportedRun(record, samples);
  const plan = reportData(run).charts.find(({ id }) => id === 'server-metrics');
  expect(plan?.variants.map(({ label }) => label)).toEqual(['queue', 'wait']);
  expect(plan?.variants[0]?.series[0]?.values.slice(0, 3)).toEqual([0, null, 2]);
  expect(plan?.notes).toEqual([
    'queue: lowest 0, mean 12.3, highest 40, last 3.',
    'typo: nothing was told of it.',
    'wait: lowest 0.0012, mean 0.002, highest 0.5, last 0.01.',
  ]);
  expect(await htmlReport(run)).toContain('What the server says of itself');
});

test('a server that was not asked has no such chart', async () => {
  const { record, samples } = recordFixture();
  const run = reportedRun(record, samples);
  expect(reportData(run).charts.map(({ id }) => id)).not.toContain('server-metrics');
  expect(await htmlReport(run)).not.toContain('What the server says of itself');
});

test('a server that the lab started shares the host with the agents', async () => {
  const { record, samples } = recordFixture((made) => {
    made.target = { ...made.target, kind: 'command' };
  });
  expect(await htmlReport(reportedRun(record, samples))).toContain('started by the lab, on its machine');
});
