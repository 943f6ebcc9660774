import { randomFillSync } from 'node:crypto';

/**
 * What a message of the generator carries: its due time as a double, the sender's index and its sequence as
 * 32-bit integers, big-endian; then filler, so that nothing on the way can compress or deduplicate it.
 */
export const LEDGER_BYTES = 16;

/** One buffer in which every payload of an agent is made: it is copied into the frame at once. */
export class PayloadMaker {
  readonly #bytes: Buffer;

  readonly #attachments: Buffer[];

  /** @param attachments texts that go behind the ledger's part by turns, as far as there is room */
  constructor(largestBytes: number, attachments: readonly string[] = []) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(largestBytes, LEDGER_BYTES));
    randomFillSync(this.#bytes);
    this.#attachments = attachments.map((text) =>
      Buffer.from(text).subarray(0, this.#bytes.length - LEDGER_BYTES),
    );
  }

  /** Hot path. A view that is valid until the next call. */
  make(bytes: number, dueMs: number, sender: number, sequence: number): Buffer {
    this.#bytes.writeDoubleBE(dueMs, 0);
    this.#bytes.writeUInt32BE(sender, 8);
    this.#bytes.writeUInt32BE(sequence, 12);
    if (this.#attachments.length > 0) {
      this.#bytes.set(this.#attachments[sequence % this.#attachments.length] as Buffer, LEDGER_BYTES);
    }
    return bytes === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, bytes);
  }
}

/** The due time in a payload of ours; undefined if it is too short to be one. */
export function readDueMs(payload: Uint8Array, sender: number, sequence: number): number | undefined {
  if (payload.length < LEDGER_BYTES) return undefined;
  const bytes = payload as Buffer;
  if (bytes.readUInt32BE(8) !== sender || bytes.readUInt32BE(12) !== sequence) return undefined;
  return bytes.readDoubleBE(0);
}
