import { expect, test } from 'vitest';
import type { AdminWatch } from '../../../loadgen/recording/admin-watch.js';
import { summarizeBacklog } from '../../../loadgen/recording/backlog.js';
import { QueueLog } from '../../../loadgen/recording/queue-log.js';
import { queueSample, queueStats, serverStats } from '../../fixtures/server-stats.js';

/** A log that has seen one server with `samples` before the run. */
function startedLog(): QueueLog {
  const log = new QueueLog();
  log.take(
    serverStats([{ atMs: 1000 }], {
      samples: [queueSample(1, 1000, [50, 50], 9999)],
      queues: { outbound: queueStats(50, 50) },
    }),
  );
  return log;
}

const QUEUES = { outbound: queueStats(0, 0) };

test('what was sampled before the run is no part of it', () => {
  const log = startedLog();
  log.take(serverStats([{}], { samples: [queueSample(2, 1250, [60, 60], 3)], queues: QUEUES }));
  expect(log.histories().get('outbound')?.lengths).toEqual([3]);
});

test('samples that are told twice count once, and the highest in the timeline is the highest of the summary', () => {
  const log = startedLog();
  const [first, second] = [queueSample(2, 1250, [60, 60], 3), queueSample(3, 1500, [90, 80], 12)];
  log.take(serverStats([{}], { samples: [first], queues: QUEUES }));
  const early = log.takeHighest();
  log.take(serverStats([{}], { samples: [first, second], queues: QUEUES }));
  expect([early, log.takeHighest(), log.takeHighest()]).toEqual([{ outbound: 3 }, { outbound: 12 }, {}]);
  expect(log.histories().get('outbound')?.lengths).toEqual([3, 12]);
});

test('a process that has not reported has not stood still', () => {
  const log = startedLog();
  const silent = { ...queueSample(3, 9000, [70, 60], 10), reports: {}, counts: {} };
  const samples = [queueSample(2, 1250, [70, 60], 10), silent, queueSample(4, 9250, [200, 200], 10)];
  log.take(serverStats([{}], { samples, queues: QUEUES }));
  expect(log.histories().get('outbound')?.behindMs).toBeLessThanOrEqual(250);
});

test('a queue whose counts are left out has not changed, and its time passes', () => {
  const log = startedLog();
  const idle = { atMs: 11_000, sequence: 2, queues: {}, reports: { 0: 11_000 }, counts: {} };
  const samples = [idle, queueSample(3, 12_000, [150, 140], 20)];
  log.take(serverStats([{}], { samples, queues: QUEUES }));
  expect(log.histories().get('outbound')?.rates).toEqual({ arrivedPerSecond: 100, servedPerSecond: 90 });
});

test('a total is as late as the latest of its parts, and as long as all of them', () => {
  const log = new QueueLog();
  const queues = { 'outbound#0': queueStats(0, 0, 100), 'outbound#1': queueStats(0, 0, 100) };
  const sample = (sequence: number, atMs: number, one: [number, number], other: [number, number]) => ({
    atMs,
    sequence,
    queues: { 'outbound#0': one[0] - one[1], 'outbound#1': other[0] - other[1] },
    reports: { 0: atMs, 1: atMs },
    counts: { 'outbound#0': one, 'outbound#1': other },
  });
  log.take(serverStats([{ atMs: 0 }, { atMs: 0 }], { samples: [sample(1, 0, [0, 0], [0, 0])], queues }));
  const samples = [
    sample(2, 1000, [10, 0], [500, 500]),
    sample(3, 2000, [20, 0], [900, 900]),
    sample(4, 3000, [20, 0], [1300, 1300]),
    sample(5, 4000, [20, 20], [1700, 1700]),
  ];
  const stats = serverStats([{}, {}], { samples, queues });
  log.take(stats);
  const histories = log.histories();
  expect(['outbound', 'outbound#0', 'outbound#1'].map((name) => histories.get(name)?.behindMs)).toEqual([
    2000, 2000, 0,
  ]);
  expect(histories.get('outbound')?.lengths).toEqual([10, 20, 20, 0]);
  expect(histories.get('outbound')?.rates).toEqual({ arrivedPerSecond: 410, servedPerSecond: 400 });

  const watch = {
    alerts: [],
    histories: () => log.histories(),
    thresholdOf: (queue: string) => stats.queues[queue]?.threshold ?? null,
  } as unknown as AdminWatch;
  const summaries = summarizeBacklog(watch, 0).queues;
  const total = summaries.find(({ name }) => name === 'outbound');
  expect(total).toMatchObject({
    max: 20,
    threshold: null,
    thresholdShare: 0.2,
    meanLength: 12.5,
    busyShare: 0.75,
  });
});

test('samples that nobody asked for in time are made up for by the sums', () => {
  const log = startedLog();
  log.take(
    serverStats([{ atMs: 60_000 }], {
      samples: [queueSample(200, 50_000, [5050, 5050], 5)],
      queues: { outbound: queueStats(5550, 5550) },
    }),
  );
  const later = { atMs: 61_000, sequence: 201, queues: { outbound: 30 }, reports: { 0: 61_000 } };
  const samples = [{ ...later, counts: { outbound: [5650, 5640] as [number, number] } }];
  log.take(serverStats([{}], { samples, queues: QUEUES }));
  expect(log.histories().get('outbound')?.rates).toEqual({ arrivedPerSecond: 100, servedPerSecond: 90 });
});

test('a server that does not count tells lengths and nothing else', () => {
  const log = startedLog();
  const bare = { atMs: 1250, sequence: 2, queues: { outbound: 4 } };
  log.take(serverStats([{}], { samples: [bare], queues: QUEUES }));
  expect(log.histories().get('outbound')).toMatchObject({ lengths: [4], meanLength: null, waitMs: null });
});
