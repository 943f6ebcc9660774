import { expect, test } from 'vitest';
import type { PageFrame } from '../../reports/live/page-change.js';
import { FrameStream } from '../../ui/frame-stream.js';

function frame(text: string): PageFrame {
  const data = { durationSeconds: 1, phases: [], marks: [], homeMarks: [], charts: [] };
  return { title: 'x', parts: { one: text, other: 'still' }, data };
}

const versions = (stream: FrameStream, after: number): number[] => stream.since(after).map(({ id }) => id);
const isWhole = (stream: FrameStream, after: number): boolean =>
  JSON.parse(stream.since(after)[0]?.data ?? '{}').isWhole;

test('a page that comes back is told what it has missed, and the whole where that is gone', () => {
  const stream = new FrameStream(frame('0'));
  expect(versions(stream, 0)).toEqual([]);
  for (let step = 1; step <= 100; step += 1) stream.next(frame(String(step)));
  expect(stream.version).toBe(100);
  expect(versions(stream, 97)).toEqual([98, 99, 100]);
  expect(isWhole(stream, 97)).toBe(false);
  expect([versions(stream, 5), isWhole(stream, 5)]).toEqual([[100], true]);
});

test('a page of another server, or one that says nothing, gets the whole', () => {
  const stream = new FrameStream(frame('0'));
  stream.next(frame('1'));
  for (const after of [7, -1]) expect([versions(stream, after), isWhole(stream, after)]).toEqual([[1], true]);
});

test('nobody is told of a frame like the one before', () => {
  const stream = new FrameStream(frame('0'));
  expect(stream.next(frame('0'))).toBeUndefined();
  expect(stream.version).toBe(0);
});

test('what is kept for them is bounded in bytes', () => {
  const stream = new FrameStream(frame('0'));
  for (let step = 1; step <= 10; step += 1) stream.next(frame(String(step).repeat(500_000)));
  expect(isWhole(stream, 3)).toBe(true);
  expect(isWhole(stream, 9)).toBe(false);
});
