import type { MailboxItem } from './mailbox-item.js';

const NOTHING: MailboxItem[] = [];

/** Items of one mailbox without gaps, first in, first out. Deleting moves a head index; the array is cut once half of it is dead. */
export class ItemQueue {
  #items: MailboxItem[] = [];
  #head = 0;

  get isEmpty(): boolean {
    return this.#head === this.#items.length;
  }

  /** The item of that sequence, if it is in here. */
  at(sequence: number): MailboxItem | undefined {
    const first = this.#items[this.#head];
    return first && sequence >= first.sequence
      ? this.#items[this.#head + sequence - first.sequence]
      : undefined;
  }

  push(item: MailboxItem): void {
    this.#items.push(item);
  }

  after(sequence: number, limit: number): MailboxItem[] {
    const first = this.#items[this.#head];
    if (!first) return NOTHING;
    // Sequences have no gaps, so an item's place follows from its sequence.
    const start = this.#head + Math.max(0, sequence + 1 - first.sequence);
    return this.#items.slice(start, start + limit);
  }

  /** Sequence of the last item stored before `beforeMs`; 0: none was. */
  lastBefore(beforeMs: number): number {
    let sequence = 0;
    for (let at = this.#head; at < this.#items.length; at += 1) {
      const item = this.#items[at] as MailboxItem;
      if (item.atMs >= beforeMs) break;
      sequence = item.sequence;
    }
    return sequence;
  }

  takeThrough(sequence: number): MailboxItem[] {
    const first = this.#items[this.#head];
    if (!first || sequence < first.sequence) return NOTHING;
    const end = Math.min(this.#items.length, this.#head + sequence - first.sequence + 1);
    const taken = this.#items.slice(this.#head, end);
    if (end === this.#items.length) {
      // Idle users are most users: an empty queue keeps no array of its last traffic's size.
      this.#items = [];
      this.#head = 0;
    } else {
      this.#head = end;
      if (this.#head > 32 && this.#head * 2 > this.#items.length) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
    }
    return taken;
  }
}
