import { RepeatWindow } from './repeat-window.js';
import type { MailboxItem, Store, StoreUsage } from './store.js';

const NOTHING: MailboxItem[] = [];

/** Mailboxes looked at in one call of `expired`. */
const EXPIRY_STEP = 1000;

/** Mailboxes in the memory of the process: fast, and gone with it. */
export class MemoryStore implements Store {
  readonly isDurable = false;
  readonly isFull = false;
  readonly staged = 0;
  readonly #mailboxes = new Map<number, ItemQueue>();
  /** By recipient and sender; made with the first message. */
  readonly #repeats = new Map<number, Map<number, RepeatWindow>>();
  #expiry = this.#mailboxes.entries();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  recover(): undefined {
    return undefined;
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

  remove(user: number, _first: number, last: number): MailboxItem[] {
    const mailbox = this.#mailboxes.get(user);
    if (!mailbox) return NOTHING;
    const deleted = mailbox.takeThrough(last);
    this.#length -= deleted.length;
    return deleted;
  }

  repeats(user: number, from: number): RepeatWindow {
    let ofUser = this.#repeats.get(user);
    if (!ofUser) {
      ofUser = new Map();
      this.#repeats.set(user, ofUser);
    }
    let repeats = ofUser.get(from);
    if (!repeats) {
      repeats = new RepeatWindow();
      ofUser.set(from, repeats);
    }
    return repeats;
  }

  // With the process, receipts on their way would be gone as well: nothing is gained by keeping them.
  keepReceipt(): void {
    // See above.
  }

  forgetReceipt(): void {
    // See above.
  }

  outgoingReceipts(): [] {
    return [];
  }

  expired(beforeMs: number): { user: number; sequence: number }[] {
    const found: { user: number; sequence: number }[] = [];
    for (let step = 0; step < EXPIRY_STEP; step += 1) {
      const next = this.#expiry.next();
      if (next.done) {
        this.#expiry = this.#mailboxes.entries();
        break;
      }
      const [user, mailbox] = next.value;
      const sequence = mailbox.lastBefore(beforeMs);
      if (sequence > 0) found.push({ user, sequence });
    }
    return found;
  }

  commit(): undefined {
    return undefined;
  }

  usage(): StoreUsage {
    return { items: this.#length, diskBytes: 0, commits: 0, commitMs: 0 };
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
