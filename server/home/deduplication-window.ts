/** How many ids below the highest one are still told apart from new ones. */
export const REPEAT_WINDOW = 64;

/** What `write` needs. */
export const REPEAT_WINDOW_BYTES = 16;

/**
 * The newest ids that one sender used towards one recipient, to recognise a repeated SEND: the highest id and
 * a bit for each of the 64 at and below it, the sliding window of RFC 4303 (section 3.4.3) against replay.
 */
export class DeduplicationWindow {
  #highest = 0;
  /** Bit d of the pair says that id `#highest - d` was seen; 32 bits each, because JavaScript shifts 32. */
  #low = 0;
  #high = 0;
  #isChanged = false;

  /** True from `remember` to `write`. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /**
   * Classifies `id` without remembering it: the message may yet be refused. `skipped`: it is below the highest one and
   * was not seen, so it was refused, or never came.
   */
  look(id: number): 'new' | 'repeated' | 'skipped' | 'too-old' {
    const distance = this.#highest - id;
    if (distance < 0) return 'new';
    if (distance >= REPEAT_WINDOW) return 'too-old';
    const seen = distance < 32 ? this.#low & (1 << distance) : this.#high & (1 << (distance - 32));
    if (seen !== 0) return 'repeated';
    // Before the first id there is nothing that it could be below.
    return this.#low === 0 && this.#high === 0 ? 'new' : 'skipped';
  }

  /** Remembers `id` as accepted. */
  remember(id: number): void {
    this.#isChanged = true;
    const advance = id - this.#highest;
    if (advance > 0) {
      this.#shift(advance);
      this.#highest = id;
    }
    const distance = this.#highest - id;
    if (distance < 32) this.#low |= 1 << distance;
    else if (distance < REPEAT_WINDOW) this.#high |= 1 << (distance - 32);
  }

  /** Writes the window in `REPEAT_WINDOW_BYTES` at `offset`. */
  write(target: Buffer, offset: number): void {
    this.#isChanged = false;
    target.writeDoubleLE(this.#highest, offset);
    target.writeInt32LE(this.#low | 0, offset + 8);
    target.writeInt32LE(this.#high | 0, offset + 12);
  }

  static read(bytes: Buffer, offset = 0): DeduplicationWindow {
    const window = new DeduplicationWindow();
    window.#highest = bytes.readDoubleLE(offset);
    window.#low = bytes.readInt32LE(offset + 8);
    window.#high = bytes.readInt32LE(offset + 12);
    return window;
  }

  #shift(by: number): void {
    if (by >= REPEAT_WINDOW) {
      this.#high = 0;
      this.#low = 0;
    } else if (by >= 32) {
      this.#high = this.#low << (by - 32);
      this.#low = 0;
    } else {
      this.#high = (this.#high << by) | (this.#low >>> (32 - by));
      this.#low <<= by;
    }
  }
}
