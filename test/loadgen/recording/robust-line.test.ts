import { expect, test } from 'vitest';
import { LEAST_POINTS, median, type Point, robustSlope } from '../../../loadgen/recording/robust-line.js';

/** `y = 100 + 7x`, changed by `change`. */
function line(count: number, change: (index: number) => number = () => 0): Point[] {
  return Array.from({ length: count }, (_, x) => ({ x, y: 100 + 7 * x + change(x) }));
}

test('the slope of points on a line is that of the line', () => {
  expect(robustSlope(line(LEAST_POINTS))).toBeCloseTo(7, 9);
});

test('a few points that are far off do not move the slope', () => {
  expect(robustSlope(line(20, (index) => (index % 7 === 3 ? 1e6 : 0)))).toBeCloseTo(7, 9);
});

test('a step in the middle does not move a slope between neighbours', () => {
  const stepped = line(25, (index) => (index < 12 ? 0 : -5000));
  expect(robustSlope(stepped, 1 / 6)).toBeCloseTo(7, 9);
});

test('a saw-tooth averages out over all points', () => {
  const sawTooth = line(60, (index) => 40 * (index % 8));
  expect(robustSlope(sawTooth)).toBeCloseTo(7, 0);
});

test('readings while nobody connects change nothing', () => {
  const stalled = [...line(20), ...Array.from({ length: 40 }, () => ({ x: 19, y: 233 }))];
  expect(robustSlope(stalled)).toBeCloseTo(7, 9);
});

test('through too few points, or where nothing changed, there is no line', () => {
  expect(robustSlope(line(LEAST_POINTS - 1))).toBeNull();
  expect(robustSlope(Array.from({ length: 20 }, (_, y) => ({ x: 3, y })))).toBeNull();
});

test('the middle of an even number of values is between the two in the middle', () => {
  expect([median([]), median([4]), median([9, 1, 4]), median([8, 1, 4, 2])]).toEqual([null, 4, 4, 3]);
});
