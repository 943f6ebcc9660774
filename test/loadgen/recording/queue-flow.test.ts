import { expect, test } from 'vitest';
import { QueueFlow } from '../../../loadgen/recording/queue-flow.js';

test('a queue is as far behind as its length takes at the best rate that it was ever served at', () => {
  const flow = new QueueFlow();
  flow.read(0, 0, 0, 0);
  flow.read(1000, 1000, 10, 1000);
  flow.read(2500, 1900, 600, 2000);
  flow.read(3000, 2900, 700, 3000);
  expect(flow.worst).toEqual({ behindMs: 700, arrivedPerSecond: 500, servedPerSecond: 1000 });
});

test('a queue that stands still is behind by that time', () => {
  const flow = new QueueFlow();
  flow.read(0, 0, 0, 0);
  flow.read(1000, 1000, 1, 1000);
  flow.read(1001, 1000, 1, 2000);
  flow.read(1001, 1000, 1, 3000);
  flow.read(1001, 1001, 1, 4000);
  expect(flow.worst?.behindMs).toBe(2000);
});

test('a queue whose peak is heard of late, when it is empty again, does not stand still', () => {
  const flow = new QueueFlow();
  flow.read(0, 0, 0, 0);
  flow.read(1000, 1000, 1, 1000);
  flow.read(1000, 1000, 5, 2000);
  expect(flow.worst?.behindMs).toBe(5);
});

test('the mean wait follows from Little’s law: 20 in line, 100 a second, 200 ms each', () => {
  const flow = new QueueFlow();
  flow.read(0, 0, 20, 0);
  flow.read(1000, 980, 20, 10_000);
  expect(flow.waitMs(20)).toBe(200);
});

test('a server that was started again counts from zero, and nothing is made of that', () => {
  const flow = new QueueFlow();
  flow.read(5000, 5000, 0, 0);
  flow.read(10, 10, 3, 1000);
  flow.read(110, 110, 3, 2000);
  expect(flow.worst).toEqual({ behindMs: 30, arrivedPerSecond: 100, servedPerSecond: 100 });
});
