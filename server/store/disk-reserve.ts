import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';

const ZEROS = Buffer.alloc(2 ** 20);

/** Pages that are kept ready beyond those that the next commit may need, so that most commits ask for none. */
const SPARE_PAGES = 1024;

/**
 * Disk space of LMDB's file beyond its last page, written before it is needed. LMDB must never be refused a page: the
 * error's text is longer than the memory that it asks for it (`last_error` in mdb.c), and what that overwrites ends the
 * process some time later. So a commit begins only once the pages that it may need are there.
 */
export class DiskReserve {
  readonly #file: number;
  readonly #pageBytes: number;
  #bytes: number;
  /** Pages behind the last one that are there, and were not given to a commit since that was looked up. */
  #spare = 0;

  constructor(path: string, pageBytes: number) {
    this.#file = openSync(path, 'r+');
    this.#pageBytes = pageBytes;
    this.#bytes = fstatSync(this.#file).size;
  }

  /** What the file takes on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Hot path. Takes `pages` for a commit.
   * @param usedPages tells how many pages LMDB uses now
   * @returns false where the disk has no room for them
   */
  take(pages: number, usedPages: () => number): boolean {
    if (this.#spare < pages) {
      const used = usedPages();
      if (!this.#extendTo((used + pages + SPARE_PAGES) * this.#pageBytes)) {
        this.#spare = Math.floor(this.#bytes / this.#pageBytes) - used;
        if (this.#spare < pages) return false;
      }
      this.#spare = Math.floor(this.#bytes / this.#pageBytes) - used;
    }
    this.#spare -= pages;
    return true;
  }

  /** Whether the pages that are to be spare are there, or can be had now. */
  refill(usedPages: number): boolean {
    return this.#extendTo((usedPages + SPARE_PAGES) * this.#pageBytes);
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Writes zeros behind the end, as far as the disk has room. */
  #extendTo(bytes: number): boolean {
    while (this.#bytes < bytes) {
      try {
        const written = writeSync(
          this.#file,
          ZEROS,
          0,
          Math.min(ZEROS.length, bytes - this.#bytes),
          this.#bytes,
        );
        this.#bytes += written;
        if (written === 0) return false;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return false;
        throw error;
      }
    }
    return true;
  }
}
