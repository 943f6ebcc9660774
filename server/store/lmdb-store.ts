import { statSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { decodeFrames } from '../../protocol/decode.js';
import { FrameType, LARGEST_BODY_BYTES } from '../../protocol/frame.js';
import { NO_GROUP } from '../bus/bus.js';
import { Deduplication } from '../home/deduplication.js';
import { DeduplicationWindow, REPEAT_WINDOW_BYTES } from '../home/deduplication-window.js';
import { ItemQueue } from '../home/item-queue.js';
import { itemOf, type MailboxItem } from '../home/mailbox-item.js';
import {
  damagedStore,
  type MailboxBounds,
  type RepeatsOf,
  type Store,
  StoreError,
  type StoreUsage,
} from './store.js';
import {
  ITEM_KEY_BYTES,
  itemKey,
  KeyKind,
  keysFrom,
  numbersKey,
  readItemKey,
  repeatsKey,
} from './store-keys.js';

export const DATA_FILE = 'data.mdb';

/** An item is kept as the time it was stored, and its frame. */
const TIME_BYTES = 8;

/** Mailboxes looked at in one call of `expired`. */
const EXPIRY_STEP = 1000;

const BLOCK_BYTES = 512;

/** Windows of either kind that are kept in memory; beyond it the oldest are written down and let go, a few a turn. */
const WINDOWS_IN_MEMORY = 100_000;
const LET_GO_AT_ONCE = 64;

const STAGED_PARTS = 3;
const scratchKey = Buffer.alloc(ITEM_KEY_BYTES);

const ALL_ITEMS = keysFrom(numbersKey(KeyKind.Item));

/** What recent items may take in memory; past it all of them are let go, and read from the file where they are asked for. */
const RECENT_BYTES = 16 * 2 ** 20;
const ITEM_OVERHEAD_BYTES = 200;

export interface LmdbStoreOptions {
  folder: string;
  /** Wait for the disk at every commit: then it survives a power cut as well. */
  sync: boolean;
  /** Largest size of the file; near it new messages are refused. */
  maxBytes: number;
  windowsInMemory?: number;
  /** Called once it is closed. */
  release?(): void;
}

/** Opens an environment of LMDB whose keys and values are bytes. */
export function openLmdb(folder: string, sync = true): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    // Without it the kernel has what was committed, and only its crash can lose that; see docs/server.md.
    noSync: !sync,
    // A commit that is synchronous must also be on disk when it returns.
    overlappingSync: false,
  });
}

/**
 * Mailboxes in LMDB, a memory-mapped B-tree with one writer, copy on write: a process that is killed leaves the last
 * commit as it was. Whatever is staged in a turn goes into one transaction. Nothing of a message stays in memory.
 */
export class LmdbStore implements Store {
  readonly isDurable = true;
  readonly #database: RootDatabase<Buffer, Buffer>;
  readonly #options: LmdbStoreOptions;
  readonly #recovered = new Map<number, MailboxBounds>();
  /** Of those, the ones whose windows know what waits. */
  readonly #remembered = new Set<number>();
  readonly #repeats = { user: new Deduplication(), group: new Deduplication() };
  /** What came last and is likely to go soon: a message that is fetched at once is never read from the file. */
  readonly #recent = new Map<number, ItemQueue>();
  #recentBytes = 0;
  /** Three for each change: user and sequence of an item, or another key and 0; then the value, undefined: remove. */
  #staged: (Buffer | number | undefined)[] = [];
  #length = 0;
  #commits = 0;
  #commitMs = 0;
  #expiryUser = 0;
  #diskBytes = 0;

  /** @throws StoreError where the folder holds no whole store */
  constructor(options: LmdbStoreOptions) {
    this.#options = options;
    this.#database = openLmdb(options.folder, options.sync);
    this.#recover();
    this.#measureDisk();
  }

  get length(): number {
    return this.#length;
  }

  get staged(): number {
    return this.#staged.length / STAGED_PARTS;
  }

  get isFull(): boolean {
    return this.#diskBytes >= this.#options.maxBytes;
  }

  recover(user: number): MailboxBounds | undefined {
    const bounds = this.#recovered.get(user);
    if (!bounds) return undefined;
    this.#rememberWaiting(user);
    this.#recovered.delete(user);
    this.#remembered.delete(user);
    return bounds;
  }

  /** Hot path. */
  append(user: number, item: MailboxItem): void {
    const value = Buffer.allocUnsafe(TIME_BYTES + item.frame.length);
    value.writeDoubleLE(item.atMs, 0);
    value.set(item.frame, TIME_BYTES);
    this.#staged.push(user, item.sequence, value);
    this.#remember(user, item);
    this.#length += 1;
  }

  read(user: number, sequence: number, limit: number): MailboxItem[] {
    const items: MailboxItem[] = [];
    for (let next = sequence + 1; next <= sequence + limit; next += 1) {
      const item = this.#get(user, next);
      if (!item) break;
      items.push(item);
    }
    return items;
  }

  /** Hot path. */
  remove(user: number, first: number, last: number): MailboxItem[] {
    const items: MailboxItem[] = [];
    for (let sequence = first; sequence <= last; sequence += 1) {
      const item = this.#get(user, sequence);
      if (!item) throw new StoreError(`${this.#options.folder}: item ${sequence} of user ${user} is missing`);
      items.push(item);
      this.#staged.push(user, sequence, undefined);
    }
    this.#forget(user, last);
    this.#length -= items.length;
    this.#rememberRemoved(user, items);
    return items;
  }

  repeats(user: number, from: number, kind: RepeatsOf): DeduplicationWindow {
    if (this.#recovered.has(user)) this.#rememberWaiting(user);
    return this.#repeats[kind].get(user, from, () => {
      const kept = this.#database.get(repeatsKey(user, from, kind));
      return kept ? DeduplicationWindow.read(kept) : new DeduplicationWindow();
    });
  }

  keepRepeats(user: number, from: number, kind: RepeatsOf): void {
    this.#keepWindow(user, from, kind, this.repeats(user, from, kind));
  }

  note(key: Buffer, value: Buffer | undefined): void {
    this.#staged.push(key, 0, value);
  }

  noted(key: Buffer): Buffer | undefined {
    return this.#database.get(key);
  }

  notes(prefix: Buffer): Iterable<{ key: Buffer; value: Buffer }> {
    return this.#database.getRange(keysFrom(prefix));
  }

  expired(beforeMs: number): { user: number; sequence: number }[] {
    const found: { user: number; sequence: number }[] = [];
    for (let step = 0; step < EXPIRY_STEP; step += 1) {
      const first = this.#firstItemFrom(this.#expiryUser);
      if (!first) {
        this.#expiryUser = 0;
        break;
      }
      this.#expiryUser = first.user + 1;
      let last = 0;
      for (let { sequence } = first; ; sequence += 1) {
        const item = this.#get(first.user, sequence);
        if (!item || item.atMs >= beforeMs) break;
        last = sequence;
      }
      if (last > 0) found.push({ user: first.user, sequence: last });
    }
    return found;
  }

  /** Hot path. */
  commit(): undefined {
    this.#letGoWindows();
    const staged = this.#staged;
    if (staged.length === 0) return;
    this.#staged = [];
    const startedMs = performance.now();
    this.#database.transactionSync(() => {
      for (let at = 0; at < staged.length; at += STAGED_PARTS) {
        const whose = staged[at] as Buffer | number;
        // LMDB copies the key before it returns.
        const key = typeof whose === 'number' ? itemKey(whose, staged[at + 1] as number, scratchKey) : whose;
        const value = staged[at + 2] as Buffer | undefined;
        if (value) this.#database.putSync(key, value);
        else this.#database.removeSync(key);
      }
    });
    this.#commits += 1;
    this.#commitMs += performance.now() - startedMs;
  }

  /** Reads every item that an earlier process left. @throws StoreError for one that is damaged */
  readAll(): void {
    for (const [user, { first, last }] of this.#recovered) {
      for (let sequence = first; sequence <= last; sequence += 1) this.#get(user, sequence);
    }
  }

  usage(): StoreUsage {
    this.#measureDisk();
    return {
      items: this.#length,
      diskBytes: this.#diskBytes,
      commits: this.#commits,
      commitMs: this.#commitMs,
    };
  }

  async close(): Promise<void> {
    this.commit();
    await this.#database.close();
    this.#options.release?.();
  }

  /** Mailboxes with their bounds, so that a user's first sight costs no search; without gaps, or it is damaged. */
  #recover(): void {
    let bounds: MailboxBounds | undefined;
    let owner = -1;
    for (const key of this.#database.getKeys(ALL_ITEMS)) {
      const { user, sequence } =
        key.length === ITEM_KEY_BYTES ? readItemKey(key) : { user: -1, sequence: -1 };
      if (user !== owner) {
        owner = user;
        bounds = { first: sequence, last: sequence - 1 };
        this.#recovered.set(user, bounds);
      }
      if (!bounds || sequence !== bounds.last + 1 || user < 0) {
        throw damagedStore(`${this.#options.folder} is damaged: a mailbox has a gap`);
      }
      bounds.last = sequence;
      this.#length += 1;
    }
    // A page that was lost is an empty page to whoever reads it.
    const { entryCount } = this.#database.getStats() as { entryCount: number };
    const found = Object.values(KeyKind).reduce((sum, kind) => sum + this.#countOf(kind), 0);
    if (found !== entryCount) {
      throw damagedStore(`${this.#options.folder} is damaged: ${found} of ${entryCount} entries can be read`);
    }
  }

  #countOf(kind: number): number {
    return this.#database.getKeysCount(keysFrom(numbersKey(kind)));
  }

  /** What an earlier process left waiting was accepted: it must not be accepted again. */
  #rememberWaiting(user: number): void {
    const bounds = this.#recovered.get(user);
    if (!bounds || this.#remembered.has(user)) return;
    this.#remembered.add(user);
    for (let sequence = bounds.first; sequence <= bounds.last; sequence += 1) {
      const item = this.#get(user, sequence);
      if (!item || item.isReceipt) continue;
      if (item.group === NO_GROUP) this.repeats(user, item.from, 'user').remember(item.id);
      else this.repeats(user, item.group, 'group').remember(item.number);
    }
  }

  /** From now on only the window knows them. */
  #rememberRemoved(user: number, items: MailboxItem[]): void {
    let lastFrom: number | undefined;
    let lastGroup: number | undefined;
    for (const { from, isReceipt, group } of items) {
      if (isReceipt) continue;
      if (group === NO_GROUP) {
        if (from !== lastFrom) this.keepRepeats(user, from, 'user');
        lastFrom = from;
      } else {
        if (group !== lastGroup) this.keepRepeats(user, group, 'group');
        lastGroup = group;
      }
    }
  }

  /** Only between two turns: whoever has asked for a window has done with it. */
  #letGoWindows(): void {
    const { windowsInMemory = WINDOWS_IN_MEMORY } = this.#options;
    for (const kind of ['user', 'group'] as const) {
      const all = this.#repeats[kind];
      for (let users = 0; users < LET_GO_AT_ONCE && all.size > windowsInMemory; users += 1) {
        const oldest = all.takeOldest();
        for (const [from, window] of oldest?.windows ?? []) {
          if (window.isChanged) this.#keepWindow(oldest?.user ?? 0, from, kind, window);
        }
      }
    }
  }

  #keepWindow(user: number, from: number, kind: RepeatsOf, window: DeduplicationWindow): void {
    const value = Buffer.allocUnsafe(REPEAT_WINDOW_BYTES);
    window.write(value, 0);
    this.note(repeatsKey(user, from, kind), value);
  }

  #get(user: number, sequence: number): MailboxItem | undefined {
    const recent = this.#recent.get(user)?.at(sequence);
    if (recent) return recent;
    const value = this.#database.get(itemKey(user, sequence, scratchKey));
    return value && this.#itemOf(sequence, value);
  }

  #remember(user: number, item: MailboxItem): void {
    if (this.#recentBytes > RECENT_BYTES) {
      this.#recent.clear();
      this.#recentBytes = 0;
    }
    this.#recentBytes += item.frame.length + ITEM_OVERHEAD_BYTES;
    const queue = this.#recent.get(user);
    if (queue) {
      queue.push(item);
      return;
    }
    const fresh = new ItemQueue();
    fresh.push(item);
    this.#recent.set(user, fresh);
  }

  #forget(user: number, last: number): void {
    const queue = this.#recent.get(user);
    if (!queue) return;
    for (const { frame } of queue.takeThrough(last)) this.#recentBytes -= frame.length + ITEM_OVERHEAD_BYTES;
    if (queue.isEmpty) this.#recent.delete(user);
  }

  #itemOf(sequence: number, value: Buffer): MailboxItem {
    const atMs = value.readDoubleLE(0);
    const frame = value.subarray(TIME_BYTES);
    let item: MailboxItem | undefined;
    decodeFrames(frame, LARGEST_BODY_BYTES, (content) => {
      switch (content.type) {
        case FrameType.Deliver:
        case FrameType.Receipt:
        case FrameType.GroupDeliver:
        case FrameType.GroupReceipt:
          if (content.sequence === sequence) item = itemOf(content, atMs, frame);
      }
      return false;
    });
    if (item) return item;
    throw damagedStore(`${this.#options.folder} is damaged: an item is no frame`);
  }

  #firstItemFrom(user: number): { user: number; sequence: number } | undefined {
    const { end } = ALL_ITEMS;
    for (const key of this.#database.getKeys({ start: itemKey(user, 0), end, limit: 1 }))
      return readItemKey(key);
    return undefined;
  }

  #measureDisk(): void {
    this.#diskBytes = statSync(join(this.#options.folder, DATA_FILE)).blocks * BLOCK_BYTES;
  }
}
