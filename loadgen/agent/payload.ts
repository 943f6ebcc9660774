import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * What a message of the generator carries: the run, the user that sent it and its sequence as 32-bit integers, its due
 * time as a double, all big-endian; then filler, so that nothing on the way can compress or deduplicate it; and last a
 * checksum of all that, the CRC-32 of zlib (RFC 1952), begun with the length of the whole.
 */
export const LEDGER_BYTES = 24;

const RUN_AT = 0;
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
    this.#bytes.writeUInt32BE(run >>> 0, RUN_AT);
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

/** Hot path. Whether a payload is as it was made, whoever made it. */
export function isWhole(payload: Buffer): boolean {
  const { length } = payload;
  return length >= LEDGER_BYTES && crc32(payload, length) === RESIDUE;
}

/** Hot path. Whether a payload is whole, and is message `sequence` of `user` in this run. */
export function isIntact(payload: Buffer, run: number, user: number, sequence: number): boolean {
  return (
    isWhole(payload) &&
    sequenceIn(payload) === sequence &&
    payload.readUInt32BE(USER_AT) === user >>> 0 &&
    runIn(payload) === run >>> 0
  );
}

/** Of a payload that is whole: the lower 32 bits of its run. */
export function runIn(payload: Buffer): number {
  return payload.readUInt32BE(RUN_AT);
}

/** Of a payload that is whole: how far its sender is behind the user `first`, of whom 32 bits are known. */
export function userBehind(first: number, payload: Buffer): number {
  return (payload.readUInt32BE(USER_AT) - (first >>> 0)) >>> 0;
}

/** Hot path. Whether a payload names this user as its sender; whether it is whole is not looked at. */
export function isSentBy(user: number, payload: Buffer): boolean {
  return payload.length >= LEDGER_BYTES && payload.readUInt32BE(USER_AT) === user >>> 0;
}

export function sequenceIn(payload: Buffer): number {
  return payload.readUInt32BE(SEQUENCE_AT);
}

/** When a payload that is whole says that its message was due. */
export function dueMsIn(payload: Buffer): number {
  return payload.readDoubleBE(DUE_AT);
}
