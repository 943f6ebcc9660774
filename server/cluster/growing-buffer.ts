const FIRST_BYTES = 16 * 1024;

/** Bytes that are written one behind the other, in a buffer that grows. */
export class GrowingBuffer {
  bytes: Buffer;
  /** Up to here it is written. */
  used = 0;

  constructor(firstBytes = FIRST_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(firstBytes);
  }

  /** Hot path. Makes room for so many bytes behind `used`: `bytes` may be another buffer then. */
  makeRoom(bytes: number): void {
    const needed = this.used + bytes;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.used);
    this.bytes = larger;
  }
}
