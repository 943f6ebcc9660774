/** How many accepted ids are remembered of a sender, the newest. A repetition of an older one is told `too-old`. */
export const DEDUPLICATION_WINDOW = 64;

/** Ids are whole numbers below 2^53. */
const ID_BYTES = 8;
const HAS_FORGOTTEN = 0x80;
const MOST_RANGES = 0x7f;

/**
 * The newest ids that one sender used towards one recipient, to recognise a SEND that comes again. They are kept as ranges:
 * most senders count 1, 2, 3, which is one range. A sender that numbers the messages to all its recipients with one counter
 * leaves gaps here, and is served as well, at the cost of more ranges.
 */
export class DeduplicationWindow {
  /** First and last id of each range, lowest range first. */
  #ranges: number[] = [];
  #size = 0;
  /** Ids were dropped to make room. An id below the lowest range may have been one of them, so it is `too-old`, not new. */
  #hasForgotten = false;
  /** How many items of this sender wait in the mailbox; see FairShare. */
  waiting = 0;
  /** It differs from what the store has. */
  isChanged = false;

  /** Nothing was ever accepted. */
  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /**
   * Says what `id` is, without remembering it: the message may yet be refused. `skipped`: a higher id was accepted and this one
   * was not, because it was refused or never arrived; accepted now, it would come out of order.
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

  /** Hot path. Remembers an id that `look` called new. Copies of group messages may also fill a gap. */
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

/** Seven bits a byte, the lowest first; the eighth bit says that another byte follows (LEB128). */
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
