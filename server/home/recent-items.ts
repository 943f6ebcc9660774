import type { HomeStore } from '../store/home-store.js';
import { itemKey } from '../store/store-keys.js';
import { ItemQueue } from './item-queue.js';
import type { Mailbox } from './mailbox.js';
import { type MailboxItem, readItem, writeAgain } from './mailbox-item.js';

/** What may be at hand of all mailboxes together. */
const MOST_BYTES = 16 * 2 ** 20;
const ITEM_OVERHEAD_BYTES = 200;

/**
 * Items that are on their way to their users are at hand: most are acknowledged soon, and then were never read from the
 * store. All others are in the store alone: what waits for long must not pin the buffers that it came in. A store that is
 * not durable gets an item only when it is set aside.
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
  take({ user, recent }: Mailbox, first: number, last: number): MailboxItem[] {
    const items: MailboxItem[] = [];
    for (let sequence = first; sequence <= last; sequence += 1) {
      const atHand = recent?.at(sequence);
      if (atHand) {
        items.push(atHand);
        if (this.#store.isDurable) this.#store.stage(itemKey(user, sequence));
        continue;
      }
      const key = itemKey(user, sequence);
      const fetched = this.#fetch(key, sequence);
      if (fetched) items.push(fetched);
      this.#store.stage(key);
    }
    if (recent) this.#release(recent.takeThrough(last));
    return items;
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

  #fetch(key: Buffer, sequence: number): MailboxItem | undefined {
    const value = this.#store.get(key);
    return value && readItem(sequence, value);
  }

  #release(items: MailboxItem[]): void {
    for (const { frame } of items) this.#bytes -= frame.length + ITEM_OVERHEAD_BYTES;
  }
}
