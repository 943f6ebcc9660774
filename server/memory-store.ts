import type { MailboxItem, Store } from './store.js';

const NOTHING: MailboxItem[] = [];

/** Mailboxes in the memory of the process: fast, and gone with it. */
export class MemoryStore implements Store {
  readonly staged = 0;
  readonly #mailboxes = new Map<number, ItemQueue>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  count(user: number): number {
    return this.#mailboxes.get(user)?.length ?? 0;
  }

  append(user: number, item: MailboxItem): void {
    let mailbox = this.#mailboxes.get(user);
    if (!mailbox) {
      mailbox = new ItemQueue();
      this.#mailboxes.set(user, mailbox);
    }
    mailbox.push(item);
    this.#length += 1;
  }

  read(user: number, sequence: number, limit: number): MailboxItem[] {
    return this.#mailboxes.get(user)?.after(sequence, limit) ?? NOTHING;
  }

  acknowledge(user: number, sequence: number): MailboxItem[] {
    const mailbox = this.#mailboxes.get(user);
    if (!mailbox) return NOTHING;
    const deleted = mailbox.takeThrough(sequence);
    this.#length -= deleted.length;
    return deleted;
  }

  commit(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    this.#mailboxes.clear();
    this.#length = 0;
  }
}

/** First in, first out. Deleting moves a head index; the array is cut once half of it is dead. */
class ItemQueue {
  #items: MailboxItem[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
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
