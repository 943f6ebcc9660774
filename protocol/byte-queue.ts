/** Room for the first bytes: most beginnings of frames are shorter. */
const LEAST_BYTES = 64;

/** Below this share of the room that was made, the rest is moved into less. */
const SHRINK_SHARE = 1 / 4;

/**
 * Bytes that come in pieces and are read as one. However small the pieces are, each byte is copied a few times at most:
 * room is doubled, and what was taken leaves a gap at the front instead of moving the rest.
 */
export class ByteQueue {
  #buffer: Buffer;
  #from = 0;
  #to = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = roomFor(bytes.length);
    this.append(bytes);
  }

  get length(): number {
    return this.#to - this.#from;
  }

  /** Bytes of memory that it takes. */
  get room(): number {
    return this.#buffer.length;
  }

  /** A view of all of them, good until the next `append` or `drop`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  append(bytes: Uint8Array): void {
    if (this.#to + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** Forgets the first `count` of them. */
  drop(count: number): void {
    this.#from += count;
    // A byte that is left must not hold the room of thousands.
    if (this.length < this.#buffer.length * SHRINK_SHARE && this.#buffer.length > LEAST_BYTES) {
      this.#moveTo(roomFor(this.length));
    }
  }

  #makeRoom(more: number): void {
    const needed = this.length + more;
    // Moving within the same room costs no more than what was dropped to make the gap.
    const isGapEnough = needed <= this.#buffer.length && this.#from >= this.length;
    this.#moveTo(isGapEnough ? this.#buffer : roomFor(needed * 2));
  }

  #moveTo(room: Buffer): void {
    this.#buffer.copy(room, 0, this.#from, this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    this.#buffer = room;
  }
}

/** Not of Node's pool: a few bytes that stay would hold 8 KiB of it. */
function roomFor(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, bytes));
}
