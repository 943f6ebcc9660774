import { closeSync, openSync, writeSync } from 'node:fs';

/** What is kept of the beginning, and as much of the end. */
const KEPT_BYTES = 2 * 2 ** 20;
const LAST_WORDS_BYTES = 4096;

/**
 * What a server writes to its standard output and error, in a file of the record: all of it, up to 4 MiB; of more, the
 * beginning and the end.
 */
export class ServerLog {
  readonly path: string;
  readonly #file: number;
  #written = 0;
  /** What came after the beginning, the newest of it, in a ring. Made once there is something to hold. */
  #ring: Buffer | undefined;
  #ringed = 0;
  #lastWords = Buffer.alloc(0);
  #isClosed = false;
  /** Such as a disk that is full: the record itself cannot be written then, and says so. */
  #isBroken = false;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'w');
  }

  write(bytes: Buffer): void {
    if (this.#isClosed) return;
    this.#lastWords = Buffer.concat([this.#lastWords, bytes]).subarray(-LAST_WORDS_BYTES);
    const head = bytes.subarray(0, KEPT_BYTES - this.#written);
    if (head.length > 0) this.#put(head);
    this.#written += head.length;
    this.#keepNewest(bytes.subarray(head.length));
  }

  /** A line of the lab's own among those of the server. */
  note(words: string): void {
    this.write(Buffer.from(`--- c2m: ${words} ---\n`));
  }

  /** The server starts again: what it said before is no reason for what comes. */
  forgetLastLines(): void {
    this.#lastWords = Buffer.alloc(0);
  }

  /** The last lines, such as say why a server has ended. */
  lastLines(lines: number): string[] {
    return this.#lastWords.toString('utf8').split('\n').filter(Boolean).slice(-lines);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ring = this.#ring;
    if (ring) {
      const left = this.#ringed - KEPT_BYTES;
      const at = this.#ringed % KEPT_BYTES;
      if (left > 0) {
        this.#put(Buffer.from(`\n--- c2m: ${left} bytes are left out here ---\n`));
        this.#put(ring.subarray(at));
      }
      this.#put(ring.subarray(0, left === 0 ? KEPT_BYTES : at));
    }
    closeSync(this.#file);
  }

  #put(bytes: Buffer): void {
    if (this.#isBroken) return;
    try {
      writeSync(this.#file, bytes);
    } catch (error) {
      this.#isBroken = true;
      process.emitWarning(`${this.path} cannot be written: ${(error as Error).message}`);
    }
  }

  #keepNewest(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#ring ??= Buffer.alloc(KEPT_BYTES);
    const newest = bytes.subarray(-KEPT_BYTES);
    const at = (this.#ringed + bytes.length - newest.length) % KEPT_BYTES;
    const untilEnd = newest.copy(this.#ring, at);
    newest.copy(this.#ring, 0, untilEnd);
    this.#ringed += bytes.length;
  }
}
