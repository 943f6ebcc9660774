import { expect, test } from 'vitest';
import { normalQuantile, normalTail } from '../../../record/comparison/normal-distribution.js';

test.each([
  // R: pnorm(z, lower.tail = FALSE)
  [0, 0.5],
  [1, 0.15865525393145707],
  [1.959963984540054, 0.025],
  [3, 0.0013498980316301035],
  [6, 9.865876450376946e-10],
  [-1, 0.8413447460685429],
])('above %d standard deviations lies the share %d', (z, share) => {
  expect(normalTail(z) / share).toBeCloseTo(1, 10);
  expect(normalQuantile(1 - share)).toBeCloseTo(z, 6);
});

test('no quantile is given for what is no probability', () => {
  expect(() => normalQuantile(0)).toThrow(RangeError);
  expect(() => normalQuantile(Number.NaN)).toThrow(RangeError);
});
