import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';

const ZEROS = Buffer.alloc(2 ** 20);

/** Pages that are kept ready beyond those that the next commit may need, so that most commits ask for none. */
const SPARE_PAGES = 1024;

/** LMDB's two head pages, and what its list of free pages takes. */
const OWN_PAGES = 66;

/** Pages of LMDB's file. */
export interface PageCounts {
  /** Up to the last one that was ever given out. */
  given: number;
  /** Of those, the ones that the tree uses. */
  live: number;
}

/**
 * Disk space of LMDB's file beyond its last page, written before it is needed. LMDB must never be refused a page: the
 * error's text is longer than the memory that it asks for it (`last_error` in mdb.c), and what that overwrites ends the
 * process some time later. So a commit begins only once the pages that it may need are there: behind the last one, or
 * free ones before it, of which half count, since some are the free list's own and a large value needs neighbours.
 */
export class DiskReserve {
  readonly #file: number;
  readonly #pageBytes: number;
  #bytes: number;
  /** Pages that are there, less those that commits were given since that was looked up. */
  #ready = 0;

  constructor(path: string, pageBytes: number) {
    this.#file = openSync(path, 'r+');
    this.#pageBytes = pageBytes;
    this.#bytes = fstatSync(this.#file).size;
  }

  /**
   * Hot path. Takes `pages` for a commit.
   * @param keep pages that must be left
   * @param count tells what LMDB uses now
   * @returns false where the disk has no room for them
   */
  take(pages: number, keep: number, count: () => PageCounts): boolean {
    if (this.#ready < pages + keep && this.look(count(), pages) < pages + keep) return false;
    this.#ready -= pages;
    return true;
  }

  /** Gets more where the disk has room. @returns how many pages are there for commits */
  look({ given, live }: PageCounts, wanted = 0): number {
    this.#extendTo((given + wanted + SPARE_PAGES) * this.#pageBytes);
    const behind = Math.floor(this.#bytes / this.#pageBytes) - given;
    const before = Math.floor(Math.max(0, given - live - OWN_PAGES) / 2);
    this.#ready = Math.max(behind, before);
    return this.#ready;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Writes zeros behind the end, as far as the disk has room. */
  #extendTo(bytes: number): void {
    try {
      while (this.#bytes < bytes) {
        const missing = Math.min(ZEROS.length, bytes - this.#bytes);
        this.#bytes += writeSync(this.#file, ZEROS, 0, missing, this.#bytes);
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') throw error;
      // Some of it may have been written.
      this.#bytes = fstatSync(this.#file).size;
    }
  }
}
