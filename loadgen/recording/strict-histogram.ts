import { deflateSync, inflateSync } from 'node:zlib';

/** Before what is compressed: the cookie, and the length of that. */
const OUTER_BYTES = 8;
/** In the header of encoding V2: cookie, length, this, significant digits, lowest, highest, and the last of it. */
const NORMALIZING_OFFSET_AT = 8;
const CONVERSION_RATIO_AT = 32;

/**
 * A line of an HdrHistogram log as strict readers want it: hdr-histogram-js writes the integer 1 where a normalizing
 * index offset of 0 and, as a double, a conversion ratio of 1 belong, and whoever believes the header scales by them
 * (https://github.com/HdrHistogram/HdrHistogram, AbstractHistogram.encodeIntoByteBuffer).
 */
export function withStrictHeader(line: string): string {
  const comma = line.lastIndexOf(',') + 1;
  const encoded = Buffer.from(line.slice(comma).trim(), 'base64');
  // Comments and the legend hold no histogram.
  if (comma === 0 || line.startsWith('#') || line.startsWith('"')) return line;
  const histogram = inflateSync(encoded.subarray(OUTER_BYTES));
  histogram.writeInt32BE(0, NORMALIZING_OFFSET_AT);
  histogram.writeDoubleBE(1, CONVERSION_RATIO_AT);
  const compressed = deflateSync(histogram);
  const outer = Buffer.from(encoded.subarray(0, OUTER_BYTES));
  outer.writeInt32BE(compressed.length, 4);
  return `${line.slice(0, comma)}${Buffer.concat([outer, compressed]).toString('base64')}\n`;
}
