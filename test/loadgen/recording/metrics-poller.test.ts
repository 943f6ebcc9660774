import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { monotonicMs } from '../../../loadgen/monotonic-clock.js';
import { MetricsPoller } from '../../../loadgen/recording/metrics-poller.js';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A page that is these texts in turn, and an error for null; it is not read by itself within the test. */
async function pollerOf(...pages: (string | null)[]): Promise<MetricsPoller> {
  let asked = 0;
  const server = createServer((_, response) => {
    const page = pages[asked] ?? null;
    asked += 1;
    response.statusCode = page === null ? 503 : 200;
    response.end(page ?? 'later');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const series = ['queue', 'other'].map((name) => ({ name, metric: name, labels: {} }));
  const poller = new MetricsPoller({ url: `http://127.0.0.1:${port}/metrics`, series });
  open.push(() => {
    poller.stop();
    server.close();
  });
  return poller;
}

test('what was read of a run is summed up by name, and what was before is not of it', async () => {
  const poller = await pollerOf('queue 1000', 'queue 1', 'queue 5\nother 2', 'queue 3');
  await poller.poll();
  poller.start(monotonicMs() + 60_000);
  for (let time = 0; time < 3; time += 1) await poller.poll();
  expect(poller.summary()).toEqual([
    { name: 'queue', min: 1, mean: 3, max: 5, last: 3 },
    { name: 'other', min: 2, mean: 2, max: 2, last: 2 },
  ]);
});

test('a page that does not come is a gap in the timeline, and told while it lasts', async () => {
  const poller = await pollerOf('queue 1', null, 'queue 2');
  poller.start(monotonicMs() + 60_000);
  await poller.poll();
  expect([poller.take(), poller.take(), poller.failure]).toEqual([{ queue: 1 }, undefined, undefined]);
  await poller.poll();
  expect([poller.take(), poller.failure]).toEqual([undefined, 'HTTP 503']);
  await poller.poll();
  expect([poller.take(), poller.failure]).toEqual([{ queue: 2 }, undefined]);
  expect(poller.summary()[1]).toEqual({ name: 'other', min: null, mean: null, max: null, last: null });
});
