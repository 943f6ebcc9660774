import type { MailboxItem } from './mailbox-item.js';

const NOTHING: MailboxItem[] = [];

/** Items of one mailbox without gaps, first in, first out. Deleting moves a head index; the array is cut once half of it is dead. */
export class ItemQueue {
  /** Shared and empty where there is none: an array of its own begins with room for seventeen. */
  #items: MailboxItem[] = NOTHING;
  #head = 0;

  get isEmpty(): boolean {
    return this.#head === this.#items.length;
  }

  /** Sequence of the newest; 0 where there is none. */
  get lastSequence(): number {
    return this.isEmpty ? 0 : (this.#items[this.#items.length - 1] as MailboxItem).sequence;
  }

  /** The item of that sequence, if it is in here. */
  at(sequence: number): MailboxItem | undefined {
    const first = this.#items[this.#head];
    return first && sequence >= first.sequence
      ? this.#items[this.#head + sequence - first.sequence]
      : undefined;
  }

  push(item: MailboxItem): void {
    // Most queues never hold a second one.
    if (this.#items.length === 0) this.#items = [item];
    else this.#items.push(item);
  }

  /** Everything, oldest first. */
  takeAll(): MailboxItem[] {
    return this.takeThrough(this.lastSequence);
  }

  takeThrough(sequence: number): MailboxItem[] {
    const first = this.#items[this.#head];
    if (!first || sequence < first.sequence) return NOTHING;
    const end = Math.min(this.#items.length, this.#head + sequence - first.sequence + 1);
    const isAll = end === this.#items.length;
    const taken = isAll && this.#head === 0 ? this.#items : this.#items.slice(this.#head, end);
    if (isAll) {
      // Idle users are most users: an empty queue keeps no array of its last traffic's size.
      this.#items = NOTHING;
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
