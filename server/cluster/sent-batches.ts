/** So much may be under way to one peer: it bounds what NATS holds for one that is slow, and what is sent in vain behind a loss. */
const WINDOW_BYTES = 4 * 1_048_576;
const WINDOW_BATCHES = 256;
/** Of those after a loss; with each that is confirmed there may be one more. */
const FIRST_BATCHES = 16;
/** Nothing was confirmed for so long: the other is asked what came, as often. */
const SILENT_MS = 500;
/** What is lacked is reported more than once while it is sent again; see `LACKED_EVERY_MS`. */
const REPEATED_EVERY_MS = 50;

export interface SentBatchesWays {
  /** Puts it on its way, where it may be lost. */
  publish(batch: Buffer): void;
  /** Asks the other what came of all up to `number`. */
  ask(number: number): void;
  nowMs(): number;
}

/**
 * The batches of one direction of a link that the other has not confirmed, numbered from 1. NATS delivers at most once and
 * in order; so where one is lacked it is sent again with all behind it. To a peer that confirms nothing no more is sent but
 * the question what came: a cut of some seconds is not followed by a flood.
 */
export class SentBatches {
  readonly #ways: SentBatchesWays;
  /** Those from `#confirmed` + 1 on, from `#head` on. */
  #batches: (Buffer | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #confirmed = 0;
  /** On their way: those behind `#confirmed` up to this one. */
  #published = 0;
  #underWayBytes = 0;
  #windowBatches = WINDOW_BATCHES;
  /** The last one that was ever on its way. */
  #everPublished = 0;
  #repeated = 0;
  #isSilent = false;
  /** When the last of them was confirmed, or the first of them sent. */
  #progressMs = 0;
  #repeatedFrom = -1;
  #repeatedMs = 0;

  constructor(ways: SentBatchesWays) {
    this.#ways = ways;
  }

  /** Of what is not confirmed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the last one. */
  get last(): number {
    return this.#confirmed + this.#batches.length - this.#head;
  }

  /** Number of the last one that the other has confirmed. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** Number of the last one that is on its way. */
  get published(): number {
    return this.#published;
  }

  /** Hot path. Whether one that is added now is sent now. */
  get isOpen(): boolean {
    return !this.#isSilent && this.#published === this.last && this.#hasRoom(0);
  }

  /** Batches that were sent once more. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Hot path. */
  add(batch: Buffer): void {
    this.#batches.push(batch);
    this.#bytes += batch.length;
    this.#publishOn();
  }

  /**
   * Hot path. The other has all up to this one.
   * @returns the bytes that are waited for no longer; -1 where it was never sent
   */
  confirm(number: number): number {
    if (number > this.#everPublished) return -1;
    if (number <= this.#confirmed) return 0;
    const before = this.#bytes;
    this.#windowBatches = Math.min(WINDOW_BATCHES, this.#windowBatches + number - this.#confirmed);
    while (this.#confirmed < number) {
      const { length } = this.#batches[this.#head] as Buffer;
      this.#batches[this.#head] = undefined;
      this.#head += 1;
      this.#confirmed += 1;
      this.#bytes -= length;
      if (this.#confirmed <= this.#published) this.#underWayBytes -= length;
    }
    this.#published = Math.max(this.#published, this.#confirmed);
    if (this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head);
      this.#head = 0;
    }
    this.#progressMs = this.#ways.nowMs();
    this.#isSilent = false;
    this.#publishOn();
    return before - this.#bytes;
  }

  /** What is behind `confirmed` has not come, as far as it was sent: the other says so, or has said so a while ago. */
  sendAgain(confirmed: number): void {
    if (confirmed !== this.#confirmed || this.#published === this.#confirmed) return;
    const nowMs = this.#ways.nowMs();
    if (this.#repeatedFrom === this.#confirmed && nowMs - this.#repeatedMs < REPEATED_EVERY_MS) return;
    this.#repeatedFrom = this.#confirmed;
    this.#repeatedMs = nowMs;
    this.#published = this.#confirmed;
    this.#underWayBytes = 0;
    this.#windowBatches = FIRST_BATCHES;
    this.#isSilent = false;
    this.#publishOn();
  }

  /** To be called several times in `SILENT_MS`. */
  tick(): void {
    if (this.#published === this.#confirmed) return;
    const nowMs = this.#ways.nowMs();
    if (nowMs - this.#progressMs < SILENT_MS) return;
    this.#progressMs = nowMs;
    this.#isSilent = true;
    this.#ways.ask(this.#published);
  }

  #publishOn(): void {
    if (this.#isSilent) return;
    for (let left = this.last - this.#published; left > 0; left -= 1) {
      const batch = this.#batches[this.#head + this.#published - this.#confirmed] as Buffer;
      if (!this.#hasRoom(batch.length)) return;
      if (this.#underWayBytes === 0) this.#progressMs = this.#ways.nowMs();
      this.#underWayBytes += batch.length;
      this.#published += 1;
      if (this.#published > this.#everPublished) this.#everPublished = this.#published;
      else this.#repeated += 1;
      this.#ways.publish(batch);
    }
  }

  #hasRoom(bytes: number): boolean {
    const batches = this.#published - this.#confirmed;
    // Alone on its way any batch may be, or one that is larger than the window would never be sent.
    if (batches === 0) return true;
    return batches < this.#windowBatches && this.#underWayBytes + bytes <= WINDOW_BYTES;
  }
}
