import { describe, expect, test } from 'vitest';
import { QueueFlow } from '../../../loadgen/recording/queue-flow.js';

/** Readings as `[atMs, arrived, served, peak]`. */
function flowOf(...readings: [atMs: number, arrived: number, served: number, peak: number][]): QueueFlow {
  const flow = new QueueFlow();
  for (const [atMs, arrived, served, peak] of readings) flow.read({ atMs, arrived, served, peak });
  return flow;
}

describe('how far a queue is behind', () => {
  test('is how long its oldest item has waited, by what came in and what went out', () => {
    // The 101st came between 250 and 500 ms, and was still there at 2000.
    const flow = flowOf(
      [0, 0, 0, 0],
      [250, 100, 100, 5],
      [500, 200, 100, 100],
      [1000, 300, 100, 200],
      [2000, 400, 100, 300],
      [2250, 400, 400, 300],
    );
    expect(flow.behindMs).toBe(1500);
  });

  test('is no more than any item waited, however old the readings are', () => {
    // Everything is served within 300 ms, and the server tells nothing for eight seconds.
    const flow = flowOf(
      [0, 0, 0, 0],
      [250, 1000, 750, 250],
      [500, 2000, 1750, 250],
      [8500, 34_000, 33_750, 250],
    );
    expect(flow.behindMs).toBeLessThanOrEqual(300);
  });

  test('does not grow by a report that is told a second time', () => {
    const flow = flowOf([0, 0, 0, 0], [250, 100, 90, 10], [250, 100, 90, 10], [250, 100, 90, 10]);
    expect(flow.behindMs).toBeLessThanOrEqual(250);
  });

  test('of a peak between two readings is its length at the best rate it was ever served at', () => {
    expect(flowOf([0, 0, 0, 0], [1000, 1000, 1000, 1], [1250, 1250, 1250, 5]).behindMs).toBe(5);
  });

  test('of a peak between two readings is no more than the time between them', () => {
    expect(flowOf([0, 0, 0, 0], [1000, 10, 10, 1], [1250, 510, 510, 500]).behindMs).toBe(250);
  });

  test('of items that come back is counted from when they did', () => {
    const flow = flowOf([0, 100, 100, 0], [250, 100, 60, 40], [1250, 100, 60, 40], [1500, 100, 100, 40]);
    expect(flow.behindMs).toBe(1000);
  });

  test('is told of a queue that stands for hours, in bounded memory', () => {
    const flow = new QueueFlow();
    for (let second = 0; second < 10_000; second += 1)
      flow.read({ atMs: second * 1000, arrived: second, served: 0, peak: second });
    expect(flow.behindMs).toBeGreaterThan(9_000_000);
    expect(flow.behindMs).toBeLessThan(10_000_000);
  });
});

describe('the rates of a queue', () => {
  test('are those of the second that ended when it was longest', () => {
    const flow = flowOf(
      [0, 0, 0, 0],
      [1000, 1000, 1000, 10],
      [1500, 1750, 1450, 400],
      [2000, 2500, 1900, 600],
      [3000, 3000, 2900, 550],
    );
    expect(flow.ratesAtLongest).toEqual({ arrivedPerSecond: 1500, servedPerSecond: 900 });
  });

  test('are over the time that passed, however late the reading came', () => {
    const flow = flowOf([0, 0, 0, 0], [4000, 4000, 3000, 1200]);
    expect(flow.ratesAtLongest).toEqual({ arrivedPerSecond: 1000, servedPerSecond: 750 });
  });

  test('never say that nothing came in where the queue grew', () => {
    const back = flowOf([0, 100, 100, 0], [1000, 100, 60, 40]);
    expect(back.ratesAtLongest).toEqual({ arrivedPerSecond: 40, servedPerSecond: 0 });
  });

  test('are not there for a queue that never held anything', () => {
    expect(flowOf([0, 5, 5, 0], [1000, 5, 5, 0]).ratesAtLongest).toBeUndefined();
  });
});

describe('the mean length', () => {
  test('is by time: what was in it for long counts for long', () => {
    // 100 items for 9.9 s in 10, whatever the peak between was.
    const flow = flowOf([0, 0, 0, 0], [100, 200, 100, 5000], [9900, 300, 200, 100], [10_000, 300, 300, 100]);
    expect(flow.meanLength).toBeCloseTo(99, 6);
    expect(flow.busyShare).toBeCloseTo(0.99, 6);
  });

  test('and the mean wait follow from Little’s law: 20 in line, 100 a second, 200 ms each', () => {
    const flow = flowOf([0, 20, 0, 20], [10_000, 1020, 1000, 20]);
    expect([flow.meanLength, flow.waitMs]).toEqual([20, 200]);
  });

  test('is not known before two readings', () => {
    const flow = flowOf([0, 20, 0, 20]);
    expect([flow.meanLength, flow.busyShare, flow.waitMs]).toEqual([null, null, null]);
  });
});

test('a server that was started again counts from zero, and nothing is made of that', () => {
  const flow = flowOf([0, 5000, 5000, 0], [1000, 10, 10, 3], [2000, 110, 110, 3]);
  expect(flow.ratesAtLongest).toEqual({ arrivedPerSecond: 100, servedPerSecond: 100 });
  expect(flow.behindMs).toBe(30);
});
