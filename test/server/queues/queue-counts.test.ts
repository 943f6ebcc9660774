import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ServerState } from '../../../server/admin/server-state.js';
import { UnsampledCounts } from '../../../server/admin/unsampled-counts.js';
import { parseServerConfig } from '../../../server/config.js';
import type { WorkerReport } from '../../../server/processes/worker.js';
import { newCounters } from '../../../server/queues/counters.js';

test('a sample tells who has reported since the one before, and the counts that have changed', () => {
  const counts = new UnsampledCounts();
  const report = (atMs: number) => counts.reported({ worker: 3, atMs } as WorkerReport['stats']);
  report(1000);
  counts.add('outbound#3', 10, 8);
  counts.add('logins#3', 0, 0);
  expect(counts.take()).toEqual({
    reports: { 3: 1000 },
    counts: { 'outbound#3': [10, 8], 'logins#3': [0, 0] },
  });
  expect(counts.take()).toEqual({ reports: {}, counts: {} });
  report(1250);
  counts.add('outbound#3', 12, 8);
  counts.add('logins#3', 0, 0);
  expect(counts.take()).toEqual({ reports: { 3: 1250 }, counts: { 'outbound#3': [12, 8] } });
});

test('a server tells with each sample what its process had counted by then, on that one’s clock', () => {
  const state = new ServerState('1', parseServerConfig({}), 'one', pino({ level: 'silent' }));
  const reportAt = (atMs: number, arrived: number, served: number) =>
    state.take({
      stats: {
        worker: 0,
        pid: 1,
        connections: 2,
        privateBytes: 1,
        cpuSeconds: 3,
        eventLoopLagP99Ms: 0,
        atMs,
      },
      counters: newCounters(),
      users: 1,
      store: { items: 4, diskBytes: 100, commits: 3, commitMs: 1 },
      queues: { outbound: { peak: 5, arrived, served } },
    } as unknown as WorkerReport);
  reportAt(1000, 10, 8);
  reportAt(1250, 30, 20);
  state.sample();
  state.sample();
  expect(state.stats().samples).toMatchObject([
    { queues: { outbound: 5 }, reports: { 0: 1250 }, counts: { outbound: [30, 20] } },
    { queues: { outbound: 5 }, reports: {}, counts: {} },
  ]);
  expect(state.stats().workers[0]?.atMs).toBe(1250);
});
