import type { HomeStore } from '../store/home-store.js';
import { KeyKind, numbersKey, readItemKey } from '../store/store-keys.js';
import type { Deduplication } from './deduplication.js';
import { countOnFrom, Mailbox } from './mailbox.js';

/** What is known of users who are away is kept for this many; of the others it is read again when they are named. */
const MOST_AWAY = 50_000;
/** Those of them who have mail: what is read again of a mailbox cannot tell what was sent before. */
const MOST_AWAY_WITH_MAIL = 1_000_000;
const MOST_WINDOWS = 200_000;
/** Looked at in one turn, beside two for each that came in. */
const EVICTION_STEPS = 16;

/** The mailboxes that a home has in memory. */
export class MailboxTable {
  readonly #store: HomeStore;
  readonly #deduplication: Deduplication;
  readonly #mailboxes = new Map<number, Mailbox>();
  #connected = 0;
  #cameIn = 0;
  /** Items of mailboxes that are not known: with none, nobody has to be looked up. */
  #unknownItems: number;
  /** Behind which an empty mailbox begins of which nothing is known. */
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
        // Not its length: were there gaps in it, others would not be looked up any more that have mail.
        if (mailbox.length > 0) this.#unknownItems -= this.#store.count(numbersKey(KeyKind.Item, user));
      }
      if (mailbox.lastSequence === 0 && this.beginsBehind > 0) countOnFrom(mailbox, this.beginsBehind);
      this.#mailboxes.set(user, mailbox);
      this.#cameIn += 1;
    }
    return mailbox;
  }

  /** Reads again which items there are; whoever is connected stays so. */
  recover(mailbox: Mailbox): void {
    const prefix = numbersKey(KeyKind.Item, mailbox.user);
    const first = this.#sequenceOf(prefix, false);
    const last = first === undefined ? undefined : this.#sequenceOf(prefix, true);
    if (first === undefined || last === undefined) {
      // Nothing waits: what comes next goes on from what is known.
      mailbox.acknowledged = mailbox.promisedSequence;
    } else {
      mailbox.promisedSequence = last;
      mailbox.acknowledged = first - 1;
      // An earlier process may have sent any of it.
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

  /** Lets go of those who were named longest ago, a few a call; only between two turns, when nothing is staged. */
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
