import { inflateSync } from 'node:zlib';
import type { Histogram } from 'hdr-histogram-js';
import { emptyHistogram } from '../agent/interval-histograms.js';

/** Of HdrHistogram's encoding V2, without the byte that tells the size of a word. */
const COMPRESSED_COOKIE = 0x1c84_9304;
const COOKIE = 0x1c84_9303;
const WORD_SIZE_BITS = 0xf0;
/** Before what is compressed: the cookie, and the length of that. */
const OUTER_BYTES = 8;
/** Cookie, length, normalizing offset, significant digits, lowest and highest value, conversion ratio. */
const HEADER_BYTES = 40;
const LENGTH_AT = 4;
const DIGITS_AT = 12;
const LOWEST_AT = 16;
const DIGITS = 3;
/** Counts of each power of two, for three digits: bucket 0 has twice as many, one for each microsecond. */
const SUB_BUCKETS_BITS = 10;
const SUB_BUCKETS = 1 << SUB_BUCKETS_BITS;
/** More than an hour needs: nobody who sends a histogram makes this process hold more. */
const MOST_COUNTS = 32 * SUB_BUCKETS;
/** A second of an agent is less than a kilobyte, and each call makes room for a chunk. */
const INFLATE = { chunkSize: 2048, maxOutputLength: HEADER_BYTES + 9 * MOST_COUNTS };

/**
 * The sum of HDR histograms as agents encode them (interval-histograms.ts). Of 500 agents 3,000 of them come a second, each
 * with some hundred values in an array of twenty thousand: what is there is added where it belongs, and nothing else is
 * looked at. 8 bytes a count, up to the highest that is in use: 300 KiB for an hour.
 */
export class LatencyCounts {
  #counts = new Float64Array(SUB_BUCKETS);
  /** After the last count that is not zero. */
  #end = 0;

  /**
   * Hot path, for each histogram of each sample.
   * @param also is another sum that it belongs to, so that it is decoded once
   * @throws Error for what is no histogram of microseconds with three digits
   */
  addEncoded(encoded: string, also?: LatencyCounts): void {
    const bytes = contentOf(encoded);
    const end = HEADER_BYTES + bytes.readUInt32BE(LENGTH_AT);
    let index = 0;
    for (let at = HEADER_BYTES; at < end; ) {
      // ZigZag LEB128: seven bits a byte, the lowest first; odd numbers are negative, and those count what is zero.
      let byte = bytes[at] as number;
      at += 1;
      let value = byte & 0x7f;
      for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
        byte = bytes[at] as number;
        at += 1;
        value += (byte & 0x7f) * scale;
      }
      if (value % 2 === 1) {
        index += (value + 1) / 2;
        continue;
      }
      if (value > 0) {
        this.#addAt(index, value / 2);
        if (also) also.#addAt(index, value / 2);
      }
      index += 1;
    }
  }

  add(other: LatencyCounts): void {
    for (let index = 0; index < other.#end; index += 1) {
      const count = other.#counts[index] as number;
      if (count > 0) this.#addAt(index, count);
    }
  }

  clear(): void {
    this.#counts.fill(0, 0, this.#end);
    this.#end = 0;
  }

  /** From the lowest value on. @param visit gets a value in microseconds, as histograms of three digits have it */
  forEach(visit: (microseconds: number, count: number) => void): void {
    for (let index = 0; index < this.#end; index += 1) {
      const count = this.#counts[index] as number;
      if (count > 0) visit(highestAt(index), count);
    }
  }

  get isEmpty(): boolean {
    return this.#end === 0;
  }

  /** All of it, for percentiles and for the log. */
  toHistogram(): Histogram {
    const histogram = emptyHistogram();
    // From the highest: the histogram has its size at once.
    for (let index = this.#end - 1; index >= 0; index -= 1) {
      const count = this.#counts[index] as number;
      if (count > 0) histogram.recordValueWithCount(highestAt(index), count);
    }
    return histogram;
  }

  #addAt(index: number, count: number): void {
    if (index >= this.#counts.length) {
      if (index >= MOST_COUNTS) throw new Error('a histogram with latencies of more than an hour');
      const counts = new Float64Array(Math.max(2 * this.#counts.length, index + 1));
      counts.set(this.#counts);
      this.#counts = counts;
    }
    this.#counts[index] = (this.#counts[index] as number) + count;
    if (index >= this.#end) this.#end = index + 1;
  }
}

/** The highest value that is counted in that place. */
function highestAt(index: number): number {
  const bucket = Math.max(0, (index >> SUB_BUCKETS_BITS) - 1);
  const size = 2 ** bucket;
  return (index - bucket * SUB_BUCKETS + 1) * size - 1;
}

/** What was compressed: a header and the counts. */
function contentOf(encoded: string): Buffer {
  const outer = Buffer.from(encoded, 'base64');
  const isOuter = outer.length > OUTER_BYTES && cookieOf(outer) === COMPRESSED_COOKIE;
  const bytes = isOuter ? inflateSync(outer.subarray(OUTER_BYTES), INFLATE) : undefined;
  const isKnown =
    bytes !== undefined &&
    bytes.length >= HEADER_BYTES &&
    cookieOf(bytes) === COOKIE &&
    bytes.readUInt32BE(LENGTH_AT) <= bytes.length - HEADER_BYTES &&
    bytes.readUInt32BE(DIGITS_AT) === DIGITS &&
    bytes.readBigInt64BE(LOWEST_AT) === 1n;
  if (!isKnown) throw new Error('not an HDR histogram of microseconds with three digits');
  return bytes;
}

function cookieOf(bytes: Buffer): number {
  return (bytes.readUInt32BE(0) & ~WORD_SIZE_BITS) >>> 0;
}
