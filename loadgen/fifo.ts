const LEAST_DEAD = 1024;

/** First in, first out. Taking moves a head: `shift` of an array of a million would move all the others. */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The oldest, which stays; undefined if there is none. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** Takes the oldest out; undefined if there is none. */
  take(): T | undefined {
    const item = this.#items[this.#head];
    if (this.length === 0) return undefined;
    this.#head += 1;
    if (
      this.#head === this.#items.length ||
      (this.#head > LEAST_DEAD && this.#head * 2 > this.#items.length)
    ) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
