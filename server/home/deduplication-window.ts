/** How many ids are told apart from new ones: the newest that were accepted. */
export const DEDUPLICATION_WINDOW = 64;

/** Ids are whole numbers below 2^53. */
const ID_BYTES = 8;
const HAS_FORGOTTEN = 0x80;
const MOST_RANGES = 0x7f;

/**
 * The newest ids that one sender used towards one recipient, to recognise a repeated SEND. They are kept as ranges, since
 * ids that follow each other are usual, and ids with gaps, of a sender that numbers all its messages with one counter,
 * are right as well.
 */
export class DeduplicationWindow {
  /** First and last id of each range, lowest range first. */
  #ranges: number[] = [];
  #size = 0;
  /** An id was let go of for a newer one: of what is below the lowest, nobody can tell any more. */
  #hasForgotten = false;
  /** Items of this sender that wait in the mailbox. */
  waiting = 0;
  /** True from `remember` until it is written down. */
  isChanged = false;

  /** Nothing was ever accepted. */
  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /**
   * Classifies `id` without remembering it: the message may yet be refused. `skipped`: a later one was accepted and this
   * one was not, so it was refused, or never came.
   */
  look(id: number): 'new' | 'repeated' | 'skipped' | 'too-old' {
    const ranges = this.#ranges;
    if (ranges.length === 0 || id > (ranges[ranges.length - 1] as number)) return 'new';
    for (let at = ranges.length - 2; at >= 0; at -= 2) {
      if (id > (ranges[at + 1] as number)) return 'skipped';
      if (id >= (ranges[at] as number)) return 'repeated';
    }
    return this.#hasForgotten ? 'too-old' : 'skipped';
  }

  /** Hot path. Remembers `id`, which is new, as accepted; or skipped, and has come all the same. */
  remember(id: number): void {
    const ranges = this.#ranges;
    const last = ranges[ranges.length - 1];
    if (last === undefined || id > last + 1) ranges.push(id, id);
    else if (id > last) ranges[ranges.length - 1] = id;
    else this.#insert(id);
    this.#size += 1;
    if (this.#size > DEDUPLICATION_WINDOW) this.#forgetLowest();
    this.isChanged = true;
  }

  /** Bytes that `write` needs at most. */
  get mostBytes(): number {
    return 1 + ID_BYTES + 5 + this.#ranges.length * (1 + ID_BYTES);
  }

  /**
   * Writes it at `offset`: the number of ranges, the highest id, how many items wait; then, from the highest range down,
   * how many ids are in it and the gap to the one below. Returns the offset behind it.
   */
  write(target: Buffer, offset: number): number {
    const ranges = this.#ranges;
    const count = ranges.length / 2;
    target[offset] = count | (this.#hasForgotten ? HAS_FORGOTTEN : 0);
    let at = target.writeDoubleLE(ranges[ranges.length - 1] ?? 0, offset + 1);
    at = writeVarint(this.waiting, target, at);
    for (let range = ranges.length - 2; range >= 0; range -= 2) {
      const first = ranges[range] as number;
      at = writeVarint((ranges[range + 1] as number) - first, target, at);
      if (range > 0) at = writeVarint(first - (ranges[range - 1] as number), target, at);
    }
    return at;
  }

  static read(bytes: Buffer, offset: number): DeduplicationWindow {
    const window = new DeduplicationWindow();
    const head = bytes[offset] as number;
    const count = head & MOST_RANGES;
    window.#hasForgotten = (head & HAS_FORGOTTEN) !== 0;
    let last = bytes.readDoubleLE(offset + 1);
    const cursor = { at: offset + 1 + ID_BYTES };
    window.waiting = readVarint(bytes, cursor);
    const ranges: number[] = [];
    for (let range = 0; range < count; range += 1) {
      const first = last - readVarint(bytes, cursor);
      ranges.unshift(first, last);
      window.#size += last - first + 1;
      if (range < count - 1) last = first - readVarint(bytes, cursor);
    }
    window.#ranges = ranges;
    return window;
  }

  #insert(id: number): void {
    const ranges = this.#ranges;
    let at = 0;
    while ((ranges[at] as number) < id) at += 2;
    ranges.splice(at, 0, id, id);
  }

  #forgetLowest(): void {
    const ranges = this.#ranges;
    this.#hasForgotten = true;
    this.#size -= 1;
    if (ranges[0] === ranges[1]) ranges.splice(0, 2);
    else ranges[0] = (ranges[0] as number) + 1;
  }
}

/** Seven bits a byte, the lowest first; the eighth says that more follow. */
function writeVarint(value: number, target: Buffer, offset: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 0x80) {
    target[at] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
    at += 1;
  }
  target[at] = rest;
  return at + 1;
}

function readVarint(bytes: Buffer, cursor: { at: number }): number {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = bytes[cursor.at] as number;
    cursor.at += 1;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 0x80;
  }
}
