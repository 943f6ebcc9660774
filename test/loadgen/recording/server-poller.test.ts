import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ServerPoller } from '../../../loadgen/recording/server-poller.js';
import type { ServerStats } from '../../../protocol/stats.js';
import { queueSample, queueStats, serverStats } from '../../fixtures/server-stats.js';

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** An admin port that gives these answers in turn, and none for `null`; and the poller that has taken the first of them. */
async function pollerOf(
  ...answers: (ServerStats | null)[]
): Promise<{ poller: ServerPoller; asked(): number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    const answer = answers[asked];
    asked += 1;
    if (answer) response.end(JSON.stringify(answer));
    else request.socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => server.close());
  const poller = new ServerPoller(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await poller.poll();
  // What was before the run is what the first second is measured from.
  poller.take();
  return { poller, asked: () => asked };
}

const worker = (cpuSeconds: number, atMs: number) => ({
  cpuSeconds,
  atMs,
  privateBytes: 1000,
  connections: 7,
});

test('CPU is told from the first second on, measured from an answer before the run', async () => {
  const { poller } = await pollerOf(serverStats([worker(1, 1000)]), serverStats([worker(1.5, 2000)]));
  await poller.poll();
  expect(poller.take()?.cpu).toBe(0.5);
});

test('a second in which the server did not answer is a gap, and the next one has no CPU of its own twice', async () => {
  const { poller } = await pollerOf(serverStats([worker(1, 1000)]), null, serverStats([worker(3, 3000)]));
  await poller.poll();
  expect([poller.take(), poller.failure === undefined]).toEqual([null, false]);
  await poller.poll();
  expect([poller.take()?.cpu, poller.failure]).toEqual([1, undefined]);
  expect(poller.take()).toBeNull();
});

test('an answer with nothing new in it is none', async () => {
  const same = serverStats([worker(1, 1000)]);
  const { poller } = await pollerOf(same, same);
  const { memory } = poller;
  await poller.poll();
  expect(poller.take()).toBeNull();
  expect(poller.memory).toBe(memory);
});

test('what a gap has hidden of the queues is in the line after it', async () => {
  const queues = { outbound: queueStats(0, 0) };
  const { poller } = await pollerOf(
    serverStats([worker(1, 1000)], { samples: [queueSample(1, 1000, [0, 0], 0)], queues }),
    null,
    serverStats([worker(2, 3000)], { samples: [queueSample(2, 2000, [90, 10], 80)], queues }),
  );
  await poller.poll();
  poller.take();
  await poller.poll();
  expect(poller.take()?.queues).toEqual({ outbound: 80 });
  expect(Math.max(...(poller.queues.histories().get('outbound')?.lengths ?? []))).toBe(80);
});

test('a question that is under way is not asked a second time', async () => {
  const { poller, asked } = await pollerOf(serverStats([worker(1, 1000)]), serverStats([worker(2, 2000)]));
  await Promise.all([poller.poll(), poller.poll(), poller.poll()]);
  expect(asked()).toBe(2);
});

test('what a server of before the restart has raised stays told', async () => {
  const alert = { queue: 'outbound', raisedAtMs: 5, clearedAtMs: 6, threshold: 1, peak: 2 };
  const { poller } = await pollerOf(
    { ...serverStats([worker(1, 1000)]), alerts: [alert] },
    serverStats([worker(0.1, 9000)], { startedAtMs: 8000 }),
  );
  await poller.poll();
  expect(poller.alerts).toEqual([alert]);
});
