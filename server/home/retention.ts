import type { HomeStore } from '../store/home-store.js';
import { itemKey, KeyKind, numberOf, numbersKey, readItemKey } from '../store/store-keys.js';
import { type Deduplication, writtenAtMs } from './deduplication.js';
import type { Groups } from './groups.js';
import type { Mailbox } from './mailbox.js';
import { storedAtMs } from './mailbox-item.js';
import type { Mailboxes } from './mailboxes.js';
import type { TurnLog } from './turn-log.js';

/** Entries of each kind that are looked at in one call. */
const STEPS = 256;

/** Items that are deleted in one call. On a full disk few, because a deletion needs room as well; each makes some for the next. */
const MOST_ITEMS = 1024;
const MOST_ITEMS_IF_FULL = 16;

export interface RetentionParts {
  store: HomeStore;
  mailboxes: Mailboxes;
  groups: Groups;
  deduplication: Deduplication;
  log: TurnLog;
}

/**
 * Deletes what is too old: items that nobody fetched, windows and groups that nobody used. It goes round the store, a
 * few entries a call.
 */
export class Retention {
  readonly #store: HomeStore;
  readonly #mailboxes: Mailboxes;
  readonly #groups: Groups;
  readonly #deduplication: Deduplication;
  readonly #log: TurnLog;
  #itemsLeft = 0;
  #nextUser = 0;
  #inMemory: Iterator<Mailbox> | undefined;
  readonly #cursors = new Map<number, Buffer>();

  constructor({ store, mailboxes, groups, deduplication, log }: RetentionParts) {
    this.#store = store;
    this.#mailboxes = mailboxes;
    this.#groups = groups;
    this.#deduplication = deduplication;
    this.#log = log;
  }

  /** To be called between two turns. @param nowMs of a clock that goes no faster than time does */
  sweep(retentionMs: number, nowMs: number): void {
    const beforeMs = nowMs - retentionMs;
    // A group that is made again counts from 1: no mailbox may still remember numbers of the old one.
    const groupsBeforeMs = beforeMs - retentionMs;
    this.#itemsLeft = this.#store.isFull ? MOST_ITEMS_IF_FULL : MOST_ITEMS;
    for (let step = 0; step < STEPS && this.#itemsLeft > 0; step += 1) {
      const mailbox = this.#store.isDurable ? this.#nextOnDisk(beforeMs) : this.#nextInMemory();
      if (!mailbox) break;
      if (mailbox !== 'young') this.#expireItems(mailbox, beforeMs, nowMs);
    }
    this.#groups.expireInMemory(groupsBeforeMs, beforeMs, STEPS);
    if (!this.#store.isDurable) {
      for (const { key, value } of this.#store.goRound?.(STEPS) ?? [])
        if (isWindow(key)) this.#expireWindow(key, value, beforeMs);
      return;
    }
    for (const kind of [KeyKind.Window, KeyKind.GroupWindow])
      this.#walk(kind, (key, value) => this.#expireWindow(key, value, beforeMs));
    this.#walk(KeyKind.GroupSender, (key, value) => {
      if (writtenAtMs(value) < beforeMs)
        this.#groups.expireSender(numberOf(key, 0), numberOf(key, 1), beforeMs);
    });
    this.#walk(KeyKind.Group, (key, value) => {
      if (writtenAtMs(value) < groupsBeforeMs) this.#groups.expire(numberOf(key, 0), groupsBeforeMs);
    });
  }

  /** From memory as well, or a group that is made again would find the old one's numbers there. */
  #expireWindow(key: Buffer, value: Buffer, beforeMs: number): void {
    if (writtenAtMs(value) >= beforeMs) return;
    this.#store.stage(key);
    const mailbox = this.#mailboxes.table.find(numberOf(key, 0));
    const kind = key[0] === KeyKind.Window ? 'user' : 'group';
    if (mailbox) this.#deduplication.forget(mailbox, numberOf(key, 1), kind);
  }

  #expireItems(mailbox: Mailbox, beforeMs: number, nowMs: number): void {
    let last = 0;
    const first = mailbox.acknowledged + 1;
    const end = Math.min(mailbox.promisedSequence, mailbox.acknowledged + this.#itemsLeft);
    for (let sequence = first; sequence <= end; sequence += 1) {
      const value = this.#store.get(itemKey(mailbox.user, sequence));
      // A damaged item has no time: it goes with the next one that has.
      if (!value) continue;
      if (storedAtMs(value) >= beforeMs) break;
      last = sequence;
    }
    if (last === 0) return;
    this.#itemsLeft -= last - first + 1;
    this.#log.counts.expired += this.#mailboxes.expire(mailbox, last, nowMs);
  }

  /**
   * The next user with an item, by the store: also users that nobody has written to since the start. Undefined: that was
   * the last.
   */
  #nextOnDisk(beforeMs: number): Mailbox | 'young' | undefined {
    const items = numbersKey(KeyKind.Item);
    for (const { key, value } of this.#store.range(items, { from: itemKey(this.#nextUser, 0), limit: 1 })) {
      const user = readItemKey(key)?.user ?? 0;
      this.#nextUser = user + 1;
      return storedAtMs(value) < beforeMs ? this.#mailboxes.table.open(user) : 'young';
    }
    this.#nextUser = 0;
    return undefined;
  }

  #nextInMemory(): Mailbox | undefined {
    this.#inMemory ??= this.#mailboxes.table.values()[Symbol.iterator]();
    const { done, value } = this.#inMemory.next();
    if (done) this.#inMemory = undefined;
    return done ? undefined : value;
  }

  #walk(kind: number, look: (key: Buffer, value: Buffer) => void): void {
    const prefix = numbersKey(kind);
    const from = this.#cursors.get(kind);
    let last: Buffer | undefined;
    for (const { key, value } of this.#store.range(prefix, { ...(from && { from }), limit: STEPS })) {
      look(key, value);
      last = key;
    }
    // Behind it, and before all that follow.
    if (last) this.#cursors.set(kind, Buffer.concat([last, Buffer.of(0)]));
    else this.#cursors.delete(kind);
  }
}

function isWindow(key: Buffer): boolean {
  return key[0] === KeyKind.Window || key[0] === KeyKind.GroupWindow;
}
