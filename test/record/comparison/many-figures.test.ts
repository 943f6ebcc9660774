import fc from 'fast-check';
import { expect, test } from 'vitest';
import { adjustForMany } from '../../../record/comparison/many-figures.js';

const probabilities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });

test("Benjamini and Hochberg's own example of 15 figures finds four at 5 %, one more than Bonferroni", () => {
  const p = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528,
    0.759, 1,
  ];
  expect(adjustForMany(p).filter((adjusted) => adjusted <= 0.05)).toHaveLength(4);
});

test('adjusted values are those of R: p.adjust(p, "BH")', () => {
  const adjusted = adjustForMany([0.04, 0.01, 0.03, 0.5]);
  [0.16 / 3, 0.04, 0.16 / 3, 0.5].forEach((expected, at) => {
    expect(adjusted[at]).toBeCloseTo(expected, 12);
  });
});

test('one figure alone keeps its p', () => {
  expect(adjustForMany([0.03])).toEqual([0.03]);
  expect(adjustForMany([])).toEqual([]);
});

test('no figure looks more certain for being one of many, none passes 1, and the order stays', () => {
  fc.assert(
    fc.property(probabilities, (p) => {
      const adjusted = adjustForMany(p);
      p.forEach((one, at) => {
        expect(adjusted[at]).toBeGreaterThanOrEqual(one);
        expect(adjusted[at]).toBeLessThanOrEqual(1);
        p.forEach((other, beside) => {
          if (one < other) expect(adjusted[at]).toBeLessThanOrEqual(adjusted[beside]!);
        });
      });
    }),
  );
});

test('of five with five runs, one figure of 15 is not found, and two that move together are', () => {
  const least = 1 / 252;
  const rest = new Array(13).fill(0.5);
  expect(Math.min(...adjustForMany([least, 0.5, ...rest]))).toBeGreaterThan(0.05);
  expect(Math.min(...adjustForMany([least, least, ...rest]))).toBeLessThan(0.05);
});
