import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatQuantity, parseQuantity, type QuantityKind, UnitError } from '../../record/quantity.js';

describe('figures are read as people write them', () => {
  test.each<[QuantityKind, unknown, number]>([
    ['duration', '30s', 30_000],
    ['duration', '500ms', 500],
    ['duration', '250us', 0.25],
    ['duration', '2m', 120_000],
    ['duration', '1h', 3_600_000],
    ['duration', '1m30s', 90_000],
    ['duration', '1.5s', 1500],
    ['duration', '30 s', 30_000],
    ['duration', 0, 0],
    ['rate', '500/s', 500],
    ['rate', '30/m', 0.5],
    ['rate', '2_500/s', 2500],
    ['rate', '0', 0],
    ['size', '100B', 100],
    ['size', '8KiB', 8192],
    ['size', '1MB', 1_000_000],
    ['size', '1.5KiB', 1536],
    ['share', '33%', 0.33],
    ['share', '0.33', 0.33],
    ['share', 0.33, 0.33],
    ['share', '100%', 1],
    ['count', 5000, 5000],
    ['count', '5_000', 5000],
  ])('%s %j', (kind, written, value) => {
    expect(parseQuantity(kind, written)).toBe(value);
  });
});

describe('what cannot be read is told with what would be right', () => {
  test.each<[QuantityKind, unknown, string]>([
    ['rate', 'fast', '"fast" is not a rate; write a number and a unit, such as 500/s'],
    ['rate', 500, '500 has no unit; write 500/s if that is what you mean'],
    ['rate', '500/d', '"500/d" is not a rate; write a number and a unit, such as 500/s'],
    ['duration', 10, '10 has no unit; write 10s if that is what you mean'],
    ['duration', '-5s', '"-5s" is not a duration; write a number and a unit (us, ms, s, m, h), such as 30s'],
    [
      'duration',
      '5 minutes',
      '"5 minutes" is not a duration; write a number and a unit (us, ms, s, m, h), such as 30s',
    ],
    [
      'duration',
      ['5s'],
      '["5s"] is not a duration; write a number and a unit (us, ms, s, m, h), such as 30s',
    ],
    ['size', '100', '100 has no unit; write 100B if that is what you mean'],
    [
      'size',
      '1KiB2B',
      '"1KiB2B" is not a size; write a number and a unit (B, KB, KiB, MB, MiB, GB, GiB), such as 100B',
    ],
    [
      'share',
      '120%',
      '"120%" is more than everything; write a percentage or a number from 0 to 1, such as 33% or 0.33',
    ],
    ['count', '5k', '"5k" is not a count; write a whole number, such as 5000 or 5_000'],
    ['count', 1.5, '1.5 is not a count; write a whole number, such as 5000 or 5_000'],
    ['count', -1, '-1 is not a count; write a whole number, such as 5000 or 5_000'],
    ['count', { toString: 1 }, '{"toString":1} is not a count; write a whole number, such as 5000 or 5_000'],
    ['count', null, 'null is not a count; write a whole number, such as 5000 or 5_000'],
  ])('%s %j', (kind, written, message) => {
    expect(() => parseQuantity(kind, written)).toThrow(new UnitError(message));
  });
});

describe('what is written is read back as the same figure', () => {
  const whole = fc.nat({ max: 2 ** 31 });
  test.each<[QuantityKind, fc.Arbitrary<number>]>([
    ['duration', whole],
    ['rate', whole],
    [
      'size',
      fc.oneof(
        whole,
        fc.nat(9999).map((n) => n * 1024),
        fc.nat(99).map((n) => n * 1024 ** 3),
      ),
    ],
    ['share', fc.nat(10_000).map((n) => n / 10_000)],
    ['count', whole],
  ])('%s', (kind, figures) => {
    fc.assert(
      fc.property(figures, (figure) => {
        expect(parseQuantity(kind, formatQuantity(kind, figure))).toBeCloseTo(figure, 12);
      }),
    );
  });
});

test('random text is a figure or a UnitError, never another error', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<QuantityKind>('duration', 'rate', 'size', 'share', 'count'),
      fc.oneof(fc.string(), fc.jsonValue()),
      (kind, value) => {
        try {
          expect(parseQuantity(kind, value)).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(UnitError);
        }
      },
    ),
  );
});
