import type { HomeStore } from '../store/home-store.js';
import { KeyKind, numbersKey, readItemKey } from '../store/store-keys.js';
import type { Deduplication } from './deduplication.js';
import { countOnFrom, Mailbox } from './mailbox.js';

/** So many users who are away stay in memory. What is known of others is read from the store when somebody writes to them. */
const MOST_AWAY = 50_000;
/**
 * The same for users who are away and have mail. A mailbox that is read again no longer knows what was sent before, so
 * more of these stay.
 */
const MOST_AWAY_WITH_MAIL = 1_000_000;
const MOST_WINDOWS = 200_000;
/** How many are looked at in one turn to make room, beside two for each that was added. */
const EVICTION_STEPS = 16;

/** The mailboxes that a home has in memory. */
export class MailboxTable {
  readonly #store: HomeStore;
  readonly #deduplication: Deduplication;
  readonly #mailboxes = new Map<number, Mailbox>();
  #connected = 0;
  #cameIn = 0;
  /** Items in mailboxes that are not in memory. While it is 0, nobody has to be looked up in the store. */
  #unknownItems: number;
  /** Where the sequences of an empty mailbox begin of which nothing is known; see SequenceReserve. */
  beginsBehind = 0;

  /** @param items that the store has */
  constructor(store: HomeStore, deduplication: Deduplication, items: number) {
    this.#store = store;
    this.#deduplication = deduplication;
    this.#unknownItems = items;
  }

  get size(): number {
    return this.#mailboxes.size;
  }

  values(): Iterable<Mailbox> {
    return this.#mailboxes.values();
  }

  find(user: number): Mailbox | undefined {
    return this.#mailboxes.get(user);
  }

  /** Hot path. The mailbox of `user`, looked up in the store where it is not known. */
  open(user: number): Mailbox {
    let mailbox = this.#mailboxes.get(user);
    if (!mailbox) {
      mailbox = new Mailbox(user);
      if (this.#unknownItems > 0) {
        this.recover(mailbox);
        // Counted, not computed from its sequences: were there gaps, the sum would reach 0 too early, and mail of others
        // be overlooked.
        if (mailbox.length > 0) this.#unknownItems -= this.#store.count(numbersKey(KeyKind.Item, user));
      }
      if (mailbox.lastSequence === 0 && this.beginsBehind > 0) countOnFrom(mailbox, this.beginsBehind);
      this.#mailboxes.set(user, mailbox);
      this.#cameIn += 1;
    }
    return mailbox;
  }

  /** Reads again from the store which items a mailbox has. Its user stays connected. */
  recover(mailbox: Mailbox): void {
    const prefix = numbersKey(KeyKind.Item, mailbox.user);
    const first = this.#sequenceOf(prefix, false);
    const last = first === undefined ? undefined : this.#sequenceOf(prefix, true);
    if (first === undefined || last === undefined) {
      // It is empty: the next item goes on from the sequence that memory knows.
      mailbox.acknowledged = mailbox.promisedSequence;
    } else {
      mailbox.promisedSequence = last;
      mailbox.acknowledged = first - 1;
      // An earlier process may have sent any of these, so each counts as sent before: it goes out marked as a redelivery.
      if (mailbox.lastSequence === 0) mailbox.highestSent = last;
    }
    mailbox.lastSequence = mailbox.promisedSequence;
    const { acknowledged, lastSequence } = mailbox;
    mailbox.sentSequence = Math.min(Math.max(mailbox.sentSequence, acknowledged), lastSequence);
  }

  connect(mailbox: Mailbox, worker: number, connection: number): void {
    if (mailbox.connection === 0) this.#connected += 1;
    mailbox.worker = worker;
    mailbox.connection = connection;
  }

  disconnect(mailbox: Mailbox): void {
    if (mailbox.connection !== 0) this.#connected -= 1;
    mailbox.connection = 0;
  }

  /** Takes a few mailboxes out of memory, those that were not used for longest. Only between two turns, when nothing is staged. */
  evict(nowMs: number): void {
    let steps = 2 * this.#cameIn + EVICTION_STEPS;
    this.#cameIn = 0;
    if (!this.#holdsTooMuch) return;
    for (const [user, mailbox] of this.#mailboxes) {
      const away = this.#mailboxes.size - this.#connected;
      if (steps === 0 || !this.#holdsTooMuch) return;
      steps -= 1;
      this.#mailboxes.delete(user);
      this.#deduplication.letGo(mailbox, nowMs);
      const mayGo =
        mailbox.connection === 0 &&
        away > MOST_AWAY &&
        (mailbox.length === 0 || (this.#store.isDurable && away > MOST_AWAY_WITH_MAIL));
      if (mayGo) this.#unknownItems += mailbox.length;
      else this.#mailboxes.set(user, mailbox);
    }
  }

  get #holdsTooMuch(): boolean {
    return this.#mailboxes.size - this.#connected > MOST_AWAY || this.#deduplication.size > MOST_WINDOWS;
  }

  #sequenceOf(prefix: Buffer, isReversed: boolean): number | undefined {
    for (const { key } of this.#store.range(prefix, { isReversed, limit: 1 }))
      return readItemKey(key)?.sequence;
    return undefined;
  }
}
