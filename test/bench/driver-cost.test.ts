import { expect, test } from 'vitest';
import { connectedBytes, costOf, measuredWindow } from '../../bench/peers/cost.js';
import type { Sample } from '../../bench/peers/watch.js';
import type { Workload } from '../../bench/peers/workload.js';

const WORKLOAD: Workload = { clients: 10, rate: 100, seconds: 2, messageBytes: 100, connectsPerSecond: 10 };

/** One look each 100 ms: all are connected after a second; half a core is used all the time. */
const SAMPLES: Sample[] = Array.from({ length: 80 }, (_, index) => ({
  atMs: index * 100,
  cpuSeconds: index * 0.05,
  privateBytes: 1000 + (index % 2),
  areConnected: index >= 10,
}));

/** One count each 500 ms, of a hundred messages a second. */
const COUNTS = Array.from({ length: 16 }, (_, index) => ({ atMs: index * 500, arrived: index * 50 }));

test('what is measured begins once all are connected and the warm-up has arrived', () => {
  const window = measuredWindow(COUNTS, SAMPLES, WORKLOAD);
  expect(window?.map(({ atMs }) => atMs)).toEqual([2500, 4500]);
});

test('a run that ended too early, or whose clients were never all connected, measures nothing', () => {
  expect(measuredWindow(COUNTS.slice(0, 9), SAMPLES, WORKLOAD)).toBeUndefined();
  expect(measuredWindow(COUNTS, SAMPLES.slice(0, 9), WORKLOAD)).toBeUndefined();
  expect(connectedBytes(SAMPLES.slice(0, 9))).toBeUndefined();
});

test('CPU for a message is that of the measured part, between two looks as well', () => {
  const cost = costOf(
    [
      { atMs: 2550, arrived: 1000 },
      { atMs: 4550, arrived: 1200 },
    ],
    SAMPLES,
  );
  expect(cost.messagesPerSecond).toBeCloseTo(100);
  expect(cost.cpuMicrosecondsPerMessage).toBeCloseTo(5000);
  expect(cost.messagesPerCoreSecond).toBeCloseTo(200);
});

test('memory of connected clients is the lowest that was seen', () => {
  expect(connectedBytes(SAMPLES)).toBe(1000);
});
