import { Deduplication } from '../home/deduplication.js';
import type { DeduplicationWindow } from '../home/deduplication-window.js';
import { ItemQueue } from '../home/item-queue.js';
import type { MailboxItem } from '../home/mailbox-item.js';
import type { RepeatsOf, Store, StoreUsage } from './store.js';

const NOTHING: MailboxItem[] = [];

/** Mailboxes looked at in one call of `expired`. */
const EXPIRY_STEP = 1000;

/** Mailboxes in the memory of the process: fast, and gone with it. */
export class MemoryStore implements Store {
  readonly isDurable = false;
  readonly isFull = false;
  readonly staged = 0;
  readonly #mailboxes = new Map<number, ItemQueue>();
  readonly #repeats = { user: new Deduplication(), group: new Deduplication() };
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

  repeats(user: number, from: number, kind: RepeatsOf): DeduplicationWindow {
    return this.#repeats[kind].get(user, from);
  }

  keepRepeats(): void {
    // They are in memory for as long as anything is.
  }

  note(): void {
    // As above.
  }

  noted(): undefined {
    return undefined;
  }

  notes(): [] {
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
