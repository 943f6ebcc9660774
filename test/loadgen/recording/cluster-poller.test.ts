import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { summarizeBacklog } from '../../../loadgen/recording/backlog.js';
import { ClusterPoller } from '../../../loadgen/recording/cluster-poller.js';
import { NodeSummaries } from '../../../loadgen/recording/node-summaries.js';
import type { ServerStats } from '../../../protocol/stats.js';
import { type TimelineSample, timelineSampleSchema } from '../../../record/timeline.js';
import { queueSample, queueStats, serverStats } from '../../fixtures/server-stats.js';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

type Answer = ServerStats | null;

/** Admin ports of nodes that give these answers in turn, and none for `null`; the first of each has been taken. */
async function clusterOf(...answers: Answer[][]): Promise<ClusterPoller> {
  const nodes = await Promise.all(
    answers.map(async (ofNode, index) => {
      const left = [...ofNode];
      const server = createServer((request, response) => {
        const answer = left.shift();
        if (answer) response.end(JSON.stringify(answer));
        else request.socket.destroy();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      open.push(() => server.close());
      const { port } = server.address() as AddressInfo;
      return { name: `node-${index + 1}`, adminUrl: `http://127.0.0.1:${port}` };
    }),
  );
  const poller = new ClusterPoller(nodes);
  await poller.poll();
  poller.take();
  return poller;
}

function stats(second: number, cores: number, more: Partial<ServerStats> = {}, lagMs = 1): ServerStats {
  const worker = { cpuSeconds: second * cores, atMs: second * 1000, privateBytes: 1000 * second };
  return { ...serverStats([{ ...worker, eventLoopLagP99Ms: lagMs }]), connections: 10 * second, ...more };
}

async function next(poller: ClusterPoller): Promise<TimelineSample['server']> {
  await poller.poll();
  return poller.take();
}

describe('the nodes of a cluster', () => {
  test('are put together: connections, CPU and memory of all, the lag of the slowest', async () => {
    const poller = await clusterOf([stats(1, 0.25), stats(2, 0.25)], [stats(1, 0.5), stats(2, 0.5, {}, 7)]);
    const sample = await next(poller);
    expect(sample).toMatchObject({
      connections: 40,
      cpu: 0.75,
      privateBytes: 4000,
      eventLoopLagMs: 7,
      nodes: [
        { name: 'node-1', pid: 100, connections: 20, cpu: 0.25, privateBytes: 2000, eventLoopLagMs: 1 },
        { name: 'node-2', pid: 100, connections: 20, cpu: 0.5, privateBytes: 2000, eventLoopLagMs: 7 },
      ],
    });
    expect(timelineSampleSchema.shape.server.parse(sample)).toEqual(sample);
    expect(poller.memory).toEqual({ privateBytes: 4000, connections: 40, processes: 2 });
  });

  test('have nothing while they do not answer, and are there again when they do', async () => {
    const back = { startedAtMs: 2500 };
    const poller = await clusterOf(
      [stats(1, 0.25), stats(2, 0.25), stats(3, 0.25), stats(4, 0.25)],
      [stats(1, 0.5), null, stats(3, 0.5, back), stats(4, 0.5, back)],
    );
    expect(await next(poller)).toMatchObject({ connections: 20, cpu: 0.25, nodes: [{ name: 'node-1' }] });
    expect(poller.failures).toEqual([expect.stringMatching(/^node-2: /)]);
    expect(poller.memory).toMatchObject({ connections: 20, processes: 1 });
    await next(poller);
    expect(await next(poller)).toMatchObject({ connections: 80, cpu: 0.75 });
    expect(poller.failures).toEqual([]);
  });

  test('go on as before where they have nothing new to tell', async () => {
    const same = stats(2, 0.5);
    const poller = await clusterOf(
      [stats(1, 0.25), stats(2, 0.25), stats(3, 0.25)],
      [stats(1, 0.5), same, same],
    );
    await next(poller);
    expect(await next(poller)).toMatchObject({ connections: 50, cpu: 0.75, nodes: [{ name: 'node-1' }] });
  });

  test('are no line where none of them has told anything new', async () => {
    const poller = await clusterOf([stats(1, 1), null], [stats(1, 1), null]);
    expect(await next(poller)).toBeNull();
    expect(poller.memory).toBeNull();
  });

  test('show the worst queue by its name, and each node’s by its own', async () => {
    const queues = { outbound: queueStats(0, 0, 50) };
    const withQueue = (second: number, length: number) =>
      stats(second, 0, {
        queues,
        samples: [queueSample(second, second * 1000, [length, 0], length)],
      });
    const alert = { queue: 'outbound', raisedAtMs: 1500, clearedAtMs: null, threshold: 50, peak: 90 };
    const poller = await clusterOf(
      [withQueue(1, 0), withQueue(2, 5)],
      [withQueue(1, 0), { ...withQueue(2, 90), alerts: [alert] }],
    );
    const sample = await next(poller);
    expect(sample?.queues).toEqual({ outbound: 90, 'outbound#node-1': 5, 'outbound#node-2': 90 });
    const backlog = summarizeBacklog(poller, 1000);
    expect(backlog).toMatchObject({ max: 90, worst: 'outbound', alerts: [{ queue: 'outbound#node-2' }] });
    expect(backlog.queues).toEqual([
      expect.objectContaining({ name: 'outbound', max: 90, threshold: null, thresholdShare: 1.8 }),
      expect.objectContaining({ name: 'outbound#node-1', max: 5, threshold: 50, alerts: 0 }),
      expect.objectContaining({ name: 'outbound#node-2', max: 90, threshold: 50, alerts: 1 }),
    ]);
  });

  test('are told one by one in the record, with CPU of the phases alone', async () => {
    const poller = await clusterOf(
      [stats(1, 0.25), stats(2, 0.25), stats(3, 0.25)],
      [stats(1, 0.5), stats(2, 0.5), stats(3, 0.5, {}, 9)],
    );
    const summaries = new NodeSummaries(new Set(['talk']));
    for (const phase of ['connect', 'talk'])
      summaries.add({ phase, server: await next(poller) } as TimelineSample);
    expect(summaries.summary()).toEqual([
      {
        name: 'node-1',
        connectionsPeak: 30,
        cpuCores: { mean: 0.25, peak: 0.25 },
        privateBytesPeak: 3000,
        eventLoopLagMaxMs: 1,
      },
      {
        name: 'node-2',
        connectionsPeak: 30,
        cpuCores: { mean: 0.5, peak: 0.5 },
        privateBytesPeak: 3000,
        eventLoopLagMaxMs: 9,
      },
    ]);
  });
});
