import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { emptyHistogram } from '../../../loadgen/agent/interval-histograms.js';
import { LatencyCounts } from '../../../loadgen/recording/latency-counts.js';

const NO_HISTOGRAM = /not an HDR histogram of microseconds with three digits/;

/** Counts as encoding V2 has them, behind its headers. */
function encodedCounts(...counts: number[]): string {
  const inner = Buffer.alloc(40);
  inner.writeUInt32BE(0x1c84_9313, 0);
  inner.writeUInt32BE(counts.length, 4);
  inner.writeUInt32BE(3, 12);
  inner.writeBigInt64BE(1n, 16);
  const compressed = deflateSync(Buffer.concat([inner, Buffer.from(counts)]));
  const outer = Buffer.alloc(8);
  outer.writeUInt32BE(0x1c84_9314, 0);
  outer.writeUInt32BE(compressed.length, 4);
  return Buffer.concat([outer, compressed]).toString('base64');
}

test('the sum of encoded histograms is what HdrHistogram makes of their values, however many of one there are', () => {
  const value = fc.record({
    microseconds: fc.oneof(fc.nat(5000), fc.nat(3_600_000_000)),
    count: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2_000_000 })),
  });
  fc.assert(
    fc.property(fc.array(fc.array(value, { maxLength: 20 }), { minLength: 1, maxLength: 4 }), (parts) => {
      const sum = new LatencyCounts();
      const expected = emptyHistogram();
      for (const part of parts) {
        const histogram = emptyHistogram();
        for (const { microseconds, count } of part) {
          histogram.recordValueWithCount(microseconds, count);
          expected.recordValueWithCount(microseconds, count);
        }
        sum.addEncoded(encodeIntoCompressedBase64(histogram));
      }
      const merged = sum.toHistogram();
      expect(merged.totalCount).toBe(expected.totalCount);
      expect(sum.isEmpty).toBe(expected.totalCount === 0);
      for (const percent of [0, 10, 50, 99, 99.9, 100])
        expect(merged.getValueAtPercentile(percent)).toBe(expected.getValueAtPercentile(percent));
    }),
    { numRuns: 60 },
  );
});

test('what is no histogram, or one of another kind, is refused', () => {
  const twoDigits = build({ numberOfSignificantValueDigits: 2, autoResize: true });
  twoDigits.recordValue(7);
  for (const text of ['', 'nonsense', encodeIntoCompressedBase64(twoDigits)])
    expect(() => new LatencyCounts().addEncoded(text)).toThrow(NO_HISTOGRAM);
});

test('nobody makes the sum grow without bound: a place beyond an hour is refused, and so is what inflates to more', () => {
  const sum = new LatencyCounts();
  sum.addEncoded(encodedCounts(2));
  expect(sum.toHistogram().totalCount).toBe(1);
  // Two million zeros in three bytes, and then a one.
  expect(() => sum.addEncoded(encodedCounts(0xff, 0xff, 0xff, 0x01, 2))).toThrow('more than an hour');
  expect(() => sum.addEncoded(encodedCounts(...new Array<number>(400_000).fill(0)))).toThrow();
});
