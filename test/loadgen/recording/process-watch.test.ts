import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ProcessesReading } from '../../../loadgen/recording/process-sum.js';
import { ProcessWatch } from '../../../loadgen/recording/process-watch.js';

const READING: ProcessesReading = {
  cpuSeconds: 1,
  privateBytes: 1000,
  processes: 2,
  threads: 9,
  openFiles: 30,
};

/** Processes that are read so, in turn. */
function watchOf(...readings: (ProcessesReading | null)[]): ProcessWatch {
  return new ProcessWatch({ read: () => readings.shift() ?? null });
}

test('cores are CPU over the time between two looks', async () => {
  const watch = watchOf(READING, { ...READING, cpuSeconds: 1.05, privateBytes: 3000 });
  await watch.poll();
  expect(watch.take()).toBeNull();
  await sleep(100);
  await watch.poll();
  const line = watch.take();
  expect(line).toMatchObject({
    connections: null,
    eventLoopLagMs: null,
    privateBytes: 3000,
    processes: 2,
    openFiles: 30,
  });
  expect((line?.cpu ?? 0) * (line?.seconds ?? 0)).toBeCloseTo(0.05, 3);
  expect(watch.take()).toBeNull();
});

test('a server that is away is a gap, and its CPU since is told when it is back', async () => {
  const watch = watchOf(READING, null, { ...READING, cpuSeconds: 1.2 });
  await watch.poll();
  watch.take();
  await watch.poll();
  expect([watch.take(), watch.memory]).toEqual([null, null]);
  await sleep(20);
  await watch.poll();
  const line = watch.take();
  expect((line?.cpu ?? 0) * (line?.seconds ?? 0)).toBeCloseTo(0.2, 1);
});

test('the most of everything is kept, of open files where they are known', async () => {
  const watch = watchOf(READING, { ...READING, threads: 5, openFiles: null }, { ...READING, processes: 7 });
  expect(watch.most).toBeNull();
  for (let time = 0; time < 3; time += 1) await watch.poll();
  expect(watch.most).toEqual({ processes: 7, threads: 9, openFiles: 30 });
});
