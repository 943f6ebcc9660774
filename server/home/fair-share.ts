import type { Limits } from '../config.js';
import { RateLimit } from '../queues/rate-limit.js';
import type { HomeStore } from '../store/home-store.js';
import type { DeduplicationWindow } from './deduplication-window.js';
import type { Mailbox } from './mailbox.js';

/** While less than this share of the store's room is used, nobody is limited. */
const SCARCE_FROM = 0.5;

/** What one sender may add to a store while its room is scarce, as a share of all of it. */
const SENDER_SHARE = 0.05;

/** About what an entry takes beside its payload: its key, its deduplication window, and what pages waste. */
const ENTRY_BYTES = 150;

/** What a sender has taken is forgiven at this share a second: recipients fetch and delete meanwhile. */
const RETURNED_SHARE = 1 / 60;

/** So many items any sender may leave in a mailbox, whatever its share. */
const LEAST_SHARE = 64;

export type FairShareLimits = Pick<Limits, 'mailboxLength' | 'mailboxShare' | 'newRecipientsPerSecond'>;

/** What one sender may take of what all share: of a mailbox, of the store, and of users that it never wrote to. */
export class FairShare {
  readonly #limits: FairShareLimits;
  readonly #store: Pick<HomeStore, 'fullness'>;
  readonly #maxBytes: number;
  /** Bytes by sender since room became scarce, less what came back. */
  readonly #taken = new Map<number, number>();
  readonly #newRecipients = new Map<number, RateLimit>();

  /** @param maxBytes the room of the store */
  constructor(limits: FairShareLimits, store: Pick<HomeStore, 'fullness'>, maxBytes: number) {
    this.#limits = limits;
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  /** Hot path. Whether a sender, or a group, has as much waiting in a mailbox as it may. */
  isMailboxShareTaken(window: DeduplicationWindow, { length }: Pick<Mailbox, 'length'>): boolean {
    // Items may have been acknowledged while the window was not in memory; no more can wait than the mailbox holds.
    if (window.waiting > length) window.waiting = length;
    if (window.waiting < LEAST_SHARE) return false;
    return window.waiting >= this.#limits.mailboxLength * this.#limits.mailboxShare;
  }

  /** Hot path. Whether `sender` has taken its share of the store, which `bytes` are to be added to. */
  isStoreShareTaken(sender: number, bytes: number): boolean {
    if (this.#store.fullness < SCARCE_FROM) {
      if (this.#taken.size > 0) this.#taken.clear();
      return false;
    }
    return (this.#taken.get(sender) ?? 0) + bytes > this.#maxBytes * SENDER_SHARE;
  }

  /** Hot path. Something of `sender` is kept: so many copies, each with so many bytes beside what every entry takes. */
  take(sender: number, bytes: number, copies = 1): void {
    if (this.#store.fullness < SCARCE_FROM) return;
    this.#taken.set(sender, (this.#taken.get(sender) ?? 0) + (bytes + ENTRY_BYTES) * copies);
  }

  /** Whether `sender` may write to somebody that it never wrote to. */
  admitsNewRecipient(sender: number): boolean {
    const { newRecipientsPerSecond } = this.#limits;
    if (newRecipientsPerSecond === 0) return true;
    const now = performance.now();
    let limit = this.#newRecipients.get(sender);
    if (!limit) {
      limit = new RateLimit(newRecipientsPerSecond, now);
      this.#newRecipients.set(sender, limit);
    }
    return limit.admits(now);
  }

  /** About once a second: what was taken comes back little by little, and senders who are slow again are forgotten. */
  trim(): void {
    for (const [sender, bytes] of this.#taken) {
      const left = bytes * (1 - RETURNED_SHARE) - 1;
      if (left > 0) this.#taken.set(sender, left);
      else this.#taken.delete(sender);
    }
    const now = performance.now();
    for (const [sender, limit] of this.#newRecipients)
      if (limit.isFull(now)) this.#newRecipients.delete(sender);
  }
}
