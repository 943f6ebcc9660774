import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * What a message of the generator carries: the run, the user that sent it and its sequence as 32-bit integers, its due
 * time as a double, all big-endian; then filler, so that nothing on the way can compress or deduplicate it; and last a
 * checksum of all that, the CRC-32 of zlib (RFC 1952), begun with the length of the whole.
 */
export const LEDGER_BYTES = 24;

const USER_AT = 4;
const SEQUENCE_AT = 8;
const DUE_AT = 12;
const FILLER_AT = 20;
const CHECKSUM_BYTES = 4;

/** CRC-32 of anything with its own CRC-32 behind it, lowest byte first, whatever both were begun with. */
const RESIDUE = 0x2144_df1c;

/** One buffer in which every payload of an agent is made: it is copied into the frame at once. */
export class PayloadMaker {
  readonly #bytes: Buffer;
  readonly #attachments: Buffer[];
  /** Of the last size that was made: most messages have the same. */
  #payload: Buffer;
  #checked: Buffer;

  /**
   * @param run a number that another run does not have
   * @param attachments texts that go behind the ledger's part by turns, as far as there is room
   */
  constructor(run: number, largestBytes: number, attachments: readonly string[] = []) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(largestBytes, LEDGER_BYTES));
    randomFillSync(this.#bytes);
    this.#bytes.writeUInt32BE(run >>> 0, 0);
    this.#payload = this.#bytes;
    this.#checked = this.#bytes.subarray(0, -CHECKSUM_BYTES);
    const room = this.#bytes.length - LEDGER_BYTES;
    this.#attachments = attachments.map((text) => Buffer.from(text).subarray(0, room));
  }

  /** Hot path. A view that is valid until the next call. */
  make(bytes: number, dueMs: number, user: number, sequence: number): Buffer {
    const whole = this.#bytes;
    whole.writeUInt32BE(user >>> 0, USER_AT);
    whole.writeUInt32BE(sequence, SEQUENCE_AT);
    whole.writeDoubleBE(dueMs, DUE_AT);
    if (this.#attachments.length > 0)
      whole.set(this.#attachments[sequence % this.#attachments.length] as Buffer, FILLER_AT);
    if (this.#payload.length !== bytes) {
      this.#payload = whole.subarray(0, bytes);
      this.#checked = whole.subarray(0, bytes - CHECKSUM_BYTES);
    }
    whole.writeUInt32LE(crc32(this.#checked, bytes), bytes - CHECKSUM_BYTES);
    return this.#payload;
  }
}

/** Hot path. Whether a payload is whole, and is message `sequence` of `user` in this run. */
export function isIntact(payload: Uint8Array, run: number, user: number, sequence: number): boolean {
  const { length } = payload;
  if (length < LEDGER_BYTES) return false;
  const bytes = payload as Buffer;
  return (
    crc32(bytes, length) === RESIDUE &&
    bytes.readUInt32BE(SEQUENCE_AT) === sequence &&
    bytes.readUInt32BE(USER_AT) === user >>> 0 &&
    bytes.readUInt32BE(0) === run >>> 0
  );
}

/** When a payload that is intact says that its message was due. */
export function dueMsIn(payload: Uint8Array): number {
  return (payload as Buffer).readDoubleBE(DUE_AT);
}
