import type { Counters } from '../queues/counters.js';
import type { HomeStore } from '../store/home-store.js';
import { itemKey, KeyKind, numberOf, numbersKey, readItemKey } from '../store/store-keys.js';
import { writtenAtMs } from './deduplication.js';
import type { Groups } from './groups.js';
import type { Mailbox } from './mailbox.js';
import { storedAtMs } from './mailbox-item.js';
import type { Mailboxes } from './mailboxes.js';

/** Entries of each kind that are looked at in one call. */
const STEPS = 256;

/** Items of one mailbox that go in one call. */
const MOST_ITEMS = 4096;

/** Deletes what nobody has come for or used within a time: items, windows, groups. It goes round, a few a call. */
export class Retention {
  readonly #store: HomeStore;
  readonly #mailboxes: Mailboxes;
  readonly #groups: Groups;
  readonly #counters: Counters;
  #nextUser = 0;
  #inMemory: Iterator<Mailbox> | undefined;
  readonly #cursors = new Map<number, Buffer>();

  constructor(store: HomeStore, mailboxes: Mailboxes, groups: Groups, counters: Counters) {
    this.#store = store;
    this.#mailboxes = mailboxes;
    this.#groups = groups;
    this.#counters = counters;
  }

  /** To be called between two turns. @param nowMs of a clock that goes no faster than time does */
  sweep(retentionMs: number, nowMs: number): void {
    const beforeMs = nowMs - retentionMs;
    // Numbers begin at 1 again with a new group of the same name: by then nobody must remember those of the old one.
    const groupsBeforeMs = beforeMs - retentionMs;
    for (let step = 0; step < STEPS; step += 1) {
      const mailbox = this.#store.isDurable ? this.#nextOnDisk(beforeMs) : this.#nextInMemory();
      if (!mailbox) break;
      if (mailbox !== 'young') this.#expireItems(mailbox, beforeMs, nowMs);
    }
    this.#groups.expireInMemory(groupsBeforeMs, STEPS);
    if (!this.#store.isDurable) return;
    for (const kind of [KeyKind.Window, KeyKind.GroupWindow])
      this.#walk(kind, (key, value) => {
        if (writtenAtMs(value) < beforeMs) this.#store.stage(key);
      });
    this.#walk(KeyKind.Group, (key) => this.#groups.expire(numberOf(key, 0), groupsBeforeMs));
  }

  #expireItems(mailbox: Mailbox, beforeMs: number, nowMs: number): void {
    let last = 0;
    const first = mailbox.acknowledged + 1;
    const end = Math.min(mailbox.promisedSequence, mailbox.acknowledged + MOST_ITEMS);
    for (let sequence = first; sequence <= end; sequence += 1) {
      const value = this.#store.get(itemKey(mailbox.user, sequence));
      if (!value || storedAtMs(value) >= beforeMs) break;
      last = sequence;
    }
    if (last > 0) this.#counters.expired += this.#mailboxes.expire(mailbox, last, nowMs);
  }

  /** The next user with an item, also one that nobody has named since the start; undefined: that was the last one. */
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
