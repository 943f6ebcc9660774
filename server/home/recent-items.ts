import type { HomeStore } from '../store/home-store.js';
import { itemKey } from '../store/store-keys.js';
import { ItemQueue } from './item-queue.js';
import type { Mailbox } from './mailbox.js';
import { type MailboxItem, readItem, writeAgain } from './mailbox-item.js';

/** Bytes of items in memory, all mailboxes together. */
const MOST_BYTES = 16 * 2 ** 20;
const ITEM_OVERHEAD_BYTES = 200;

/**
 * Items in memory: those on their way to their users. Most are acknowledged within moments, and so are never read from the
 * store. What waits for longer leaves memory, or it would pin the large network buffers that it arrived in. A store that is not
 * durable gets an item only then.
 */
export class RecentItems {
  readonly #store: HomeStore;
  #bytes = 0;
  #round = 0;
  /** Mailboxes with something at hand, by when that began. */
  #younger: Mailbox[] = [];
  #older: Mailbox[] = [];

  constructor(store: HomeStore) {
    this.#store = store;
  }

  /** Hot path. Keeps at hand what was just sent. */
  keep(mailbox: Mailbox, item: MailboxItem, atMs: number): void {
    if (this.#bytes > MOST_BYTES) {
      this.setAside(mailbox, atMs);
      this.put(mailbox, item, atMs);
      return;
    }
    let recent = mailbox.recent;
    if (!recent) {
      recent = new ItemQueue();
      mailbox.recent = recent;
    } else if (!recent.isEmpty && recent.lastSequence !== item.sequence - 1) {
      this.setAside(mailbox, atMs);
    }
    recent.push(item);
    this.#bytes += item.frame.length + ITEM_OVERHEAD_BYTES;
    if (mailbox.listedAt === this.#round) return;
    mailbox.listedAt = this.#round;
    this.#younger.push(mailbox);
  }

  /** Leaves an item to the store. */
  put({ user }: Mailbox, item: MailboxItem, atMs: number): void {
    if (!this.#store.isDurable) this.#store.stage(itemKey(user, item.sequence), writeAgain(item, atMs));
  }

  /** Undefined where it is not there, or is damaged. */
  read({ user, recent }: Mailbox, sequence: number): MailboxItem | undefined {
    return recent?.at(sequence) ?? this.#fetch(itemKey(user, sequence), sequence);
  }

  /** Hot path. Deletes the items `first` to `last`, and gives those that were there. */
  take(mailbox: Mailbox, first: number, last: number): MailboxItem[] {
    const { user, recent } = mailbox;
    // What is at hand is the newest of what was sent, so that only the oldest may be missing.
    if (recent?.at(first) && last <= recent.lastSequence) {
      const items = recent.takeThrough(last);
      this.#release(items);
      if (this.#store.isDurable) for (const { sequence } of items) this.#store.stage(itemKey(user, sequence));
      return items;
    }
    return this.#takeFromStore(mailbox, first, last);
  }

  /** Nothing of a mailbox stays at hand. */
  setAside(mailbox: Mailbox, atMs: number): void {
    const { recent } = mailbox;
    if (!recent || recent.isEmpty) return;
    const items = recent.takeAll();
    for (const item of items) this.put(mailbox, item, atMs);
    this.#release(items);
  }

  /** Sets aside what has been at hand since the last call but one; called about once a second. */
  age(atMs: number): void {
    for (const mailbox of this.#older) this.setAside(mailbox, atMs);
    this.#older = this.#younger;
    this.#younger = [];
    this.#round += 1;
  }

  #takeFromStore(mailbox: Mailbox, first: number, last: number): MailboxItem[] {
    const { user, recent } = mailbox;
    const items: MailboxItem[] = [];
    for (let sequence = first; sequence <= last; sequence += 1) {
      const item = this.read(mailbox, sequence);
      if (item) items.push(item);
      if (this.#store.isDurable || !recent?.at(sequence)) this.#store.stage(itemKey(user, sequence));
    }
    if (recent) this.#release(recent.takeThrough(last));
    return items;
  }

  #fetch(key: Buffer, sequence: number): MailboxItem | undefined {
    const value = this.#store.get(key);
    return value && readItem(sequence, value);
  }

  #release(items: MailboxItem[]): void {
    for (const { frame } of items) this.#bytes -= frame.length + ITEM_OVERHEAD_BYTES;
  }
}
