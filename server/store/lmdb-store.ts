import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { isWhole, seal } from './checksum.js';
import { DiskReserve, type PageCounts } from './disk-reserve.js';
import {
  type Entry,
  type HomeStore,
  type RangeOptions,
  StoreFailure,
  type StoreUsage,
} from './home-store.js';
import { keysFrom } from './store-keys.js';

export const DATA_FILE = 'data.mdb';
export const LOCK_FILE = 'lock.mdb';
const LOCK_BYTES = 12_288;

const STAGED_PARTS = 2;

/** Kept for turns that make room: a removal needs pages as well. Others are refused before. */
const REMOVAL_PAGES = 192;

/** Beside those of the tree: what LMDB itself writes down of free pages. */
const FREE_LIST_PAGES = 64;

/** Live pages are counted again once so much was written. */
const MEASURE_AFTER_BYTES = 2 ** 20;
/** What the tree may have grown by since they were counted. */
const GROWTH_PAGES = 1024;

export interface LmdbStoreOptions {
  folder: string;
  /** Wait for the disk at every commit: then it survives a power cut as well. */
  sync: boolean;
  /** Largest size of what is kept; near it new messages are refused. */
  maxBytes: number;
  /** Called once it is closed. */
  release?(): void;
}

/** What LMDB tells of a database, of all that `getStats` returns. */
interface Stats {
  pageSize: number;
  lastPageNumber: number;
  treeDepth: number;
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
  entryCount: number;
}

/** Opens an environment of LMDB whose keys and values are bytes. @throws the system's error where there is no room for it */
export function openLmdb(folder: string, sync = true): RootDatabase<Buffer, Buffer> {
  makeLockFile(folder);
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

/** LMDB maps it as a file of holes, and the first touch of one that a full disk cannot fill ends the process. */
function makeLockFile(folder: string): void {
  const path = join(folder, LOCK_FILE);
  const { size = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (size < LOCK_BYTES) writeFileSync(path, Buffer.alloc(LOCK_BYTES), { mode: 0o600 });
}

/**
 * A home in LMDB, a memory-mapped B-tree with one writer, copy on write: a process that is killed leaves the last commit
 * as it was. Whatever is staged in a turn goes into one transaction.
 */
export class LmdbStore implements HomeStore {
  readonly isDurable = true;
  readonly #database: RootDatabase<Buffer, Buffer>;
  readonly #options: LmdbStoreOptions;
  readonly #reserve: DiskReserve;
  /** Two for each change: its key and its value, undefined: remove. */
  #staged: (Buffer | undefined)[] = [];
  #stagedValues = 0;
  #stagedBytes = 0;
  #writtenBytes = 0;
  #stats: Stats;
  #hasRoom = true;
  #commits = 0;
  #commitMs = 0;

  constructor(options: LmdbStoreOptions) {
    this.#options = options;
    this.#database = openLmdb(options.folder, options.sync);
    this.#stats = this.#readStats();
    this.#reserve = new DiskReserve(join(options.folder, DATA_FILE), this.#stats.pageSize);
    this.#measure();
  }

  async open(): Promise<void> {
    // Whoever has the lock of the folder owns the home: there is no other epoch.
  }

  get staged(): number {
    return this.#staged.length / STAGED_PARTS;
  }

  get isFull(): boolean {
    return !this.#hasRoom || this.fullness >= 1;
  }

  get fullness(): number {
    return (this.#livePages() * this.#stats.pageSize) / this.#options.maxBytes;
  }

  get(key: Buffer): Buffer | undefined {
    const value = this.#database.get(key);
    return value && isWhole(key, value) ? value : undefined;
  }

  *range(prefix: Buffer, { from, isReversed = false, limit }: RangeOptions = {}): Iterable<Entry> {
    const { start, end } = keysFrom(prefix);
    const bounds = isReversed
      ? { start: from ?? end, end: start, reverse: true }
      : { start: from ?? start, end };
    let left = limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    for (const { key, value } of this.#database.getRange({ ...bounds, snapshot: false })) {
      if (!isWhole(key, value)) continue;
      yield { key, value };
      left -= 1;
      if (left <= 0) return;
    }
  }

  count(prefix: Buffer): number {
    return this.#database.getKeysCount(keysFrom(prefix));
  }

  /** Hot path. */
  stage(key: Buffer, value?: Buffer): void {
    if (value) {
      seal(key, value);
      this.#stagedValues += 1;
      this.#stagedBytes += value.length;
    }
    this.#staged.push(key, value);
  }

  discard(): void {
    this.#staged = [];
    this.#stagedValues = 0;
    this.#stagedBytes = 0;
  }

  /** Hot path. */
  commit(isMakingRoom = false): undefined {
    const staged = this.#staged;
    if (staged.length === 0) return;
    const bytes = this.#stagedBytes;
    this.#staged = [];
    this.#stagedBytes = 0;
    const startedMs = performance.now();
    const keep = isMakingRoom ? 0 : REMOVAL_PAGES;
    const pages = this.#pagesFor(staged.length / STAGED_PARTS, this.#stagedValues, bytes);
    this.#stagedValues = 0;
    if (!this.#reserve.take(pages, keep, this.#countPages)) {
      this.#hasRoom = false;
      throw new StoreFailure(`${this.#options.folder}: the disk is full`, true);
    }
    try {
      this.#database.transactionSync(() => {
        for (let at = 0; at < staged.length; at += STAGED_PARTS) {
          const key = staged[at] as Buffer;
          const value = staged[at + 1];
          if (value) this.#database.putSync(key, value);
          else this.#database.removeSync(key);
        }
      });
    } catch (error) {
      throw new StoreFailure(`${this.#options.folder}: ${(error as Error).message}`, false);
    }
    this.#commits += 1;
    this.#commitMs += performance.now() - startedMs;
    this.#writtenBytes += bytes;
    if (this.#writtenBytes >= MEASURE_AFTER_BYTES) this.#measure();
  }

  usage(): StoreUsage {
    this.#measure();
    return {
      diskBytes: this.#livePages() * this.#stats.pageSize,
      commits: this.#commits,
      commitMs: this.#commitMs,
    };
  }

  async close(): Promise<void> {
    this.commit(true);
    this.#reserve.close();
    await this.#database.close();
    this.#options.release?.();
  }

  /** How full it is; LMDB's file never gets smaller, but pages that were given back are used again. */
  #measure(): void {
    this.#writtenBytes = 0;
    this.#hasRoom = this.#reserve.look(this.#countPages()) >= 2 * REMOVAL_PAGES;
  }

  #livePages(): number {
    const { treeBranchPageCount, treeLeafPageCount, overflowPages } = this.#stats;
    return treeBranchPageCount + treeLeafPageCount + overflowPages;
  }

  /**
   * Most pages that a transaction can touch, all of them new ones where none is free: those on the way to each change, or
   * the whole tree, two for what each value may split, and those of large values.
   */
  #pagesFor(changes: number, values: number, bytes: number): number {
    const { pageSize, treeDepth, treeBranchPageCount, treeLeafPageCount } = this.#stats;
    const tree = treeBranchPageCount + treeLeafPageCount + GROWTH_PAGES;
    return (
      Math.min(changes * (treeDepth + 2), tree) +
      2 * values +
      Math.ceil((2 * bytes) / pageSize) +
      FREE_LIST_PAGES
    );
  }

  readonly #countPages = (): PageCounts => {
    this.#stats = this.#readStats();
    return { given: this.#stats.lastPageNumber + 1, live: this.#livePages() };
  };

  #readStats(): Stats {
    return this.#database.getStats() as unknown as Stats;
  }
}
