import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignedNull } from '../../../record/comparison/aligned-ranks.js';
import { demandPairs, interleavedOrder, withoutDrift } from '../../../record/comparison/interleaving.js';

const noise = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 8 });

describe('runs of two sets that take turns', () => {
  test('come as A B B A, so that neither side always comes first', () => {
    expect(interleavedOrder(3)).toEqual(['base', 'current', 'current', 'base', 'base', 'current']);
  });

  test('are refused unless each two in a row are one of either side', () => {
    expect(() => demandPairs(['base', 'base', 'current', 'current'])).toThrow(RangeError);
    expect(() => demandPairs(['base', 'current', 'current'])).toThrow(RangeError);
    expect(() => demandPairs(['current', 'base', 'current', 'base'])).not.toThrow();
  });

  test('lose a drift of any slope', () => {
    fc.assert(
      fc.property(
        noise,
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: -9, max: 9, noNaN: true }),
        (half, slope, start) => {
          const values = [...half, ...half.map((value) => value ** 3)];
          const order = interleavedOrder(half.length);
          const still = withoutDrift(order, values);
          const drifting = withoutDrift(
            order,
            values.map((value, at) => value + start + slope * at),
          );
          for (const side of ['base', 'current'] as const)
            drifting[side].forEach((value, at) => {
              expect(value).toBeCloseTo(still[side][at]!, 9);
            });
        },
      ),
    );
  });

  test('keep the whole change between them', () => {
    const order = interleavedOrder(6);
    const { base, current } = withoutDrift(
      order,
      order.map((side) => (side === 'current' ? 0.2 : 0)),
    );
    for (const value of base) expect(value).toBeCloseTo(-0.1, 10);
    for (const value of current) expect(value).toBeCloseTo(0.1, 10);
  });

  test('keep most of the change on a machine that slows down to half its speed and recovers', () => {
    const order = interleavedOrder(8);
    const { base, current } = withoutDrift(
      order,
      order.map((side, at) => (side === 'current' ? 0.2 : 0) + Math.sin((Math.PI * at) / 15) * Math.LN2),
    );
    expect(Math.min(...current)).toBeGreaterThan(Math.max(...base));
  });

  test('keep their change where one run is astray', () => {
    const order = interleavedOrder(5);
    const { base, current } = withoutDrift(
      order,
      order.map((side, at) => (side === 'current' ? 0.2 : 0) + 0.05 * at + (at === 4 ? 1.1 : 0)),
    );
    expect(Math.min(...current)).toBeGreaterThan([...base].sort((one, other) => one - other)[3]!);
  });
});

describe('the chance distribution of aligned runs', () => {
  test('is that of Mann and Whitney for one pair, and wider than theirs for five', () => {
    expect(alignedNull(interleavedOrder(1)).atLeast(1)).toBeCloseTo(0.5, 3);
    const { atLeast } = alignedNull(interleavedOrder(5));
    expect(atLeast(25)).toBeGreaterThan(1 / 252);
    expect(atLeast(25)).toBeLessThan(0.02);
    expect(atLeast(0)).toBe(1);
  });

  test('falls with U and never reaches 0', () => {
    const { atLeast } = alignedNull(interleavedOrder(4));
    for (let u = 0; u < 16; u += 1) {
      expect(atLeast(u + 1)).toBeLessThanOrEqual(atLeast(u));
      expect(atLeast(u + 1)).toBeGreaterThan(0);
    }
  });
});
