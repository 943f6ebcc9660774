import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORD_FILES } from '../../record/folder.js';
import { addInterval, type LatencyLog } from '../latency-log.js';

const CHUNK_BYTES = 64 * 1024;
/** An interval of three digits and an hour has less; what is longer is no line of ours. */
const LONGEST_LINE = 1024 * 1024;

/** The latencies of a run that goes on, added up as its `latency.hlog` grows: each line is read once. */
export class LatencyFollower {
  readonly histograms: LatencyLog['histograms'] = {};
  readonly #file: string;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #offset = 0;
  /** The beginning of a line that is not whole yet; the log has ASCII alone. */
  #rest = '';
  #reading: Promise<void> | undefined;

  /** @param folder of the record */
  constructor(folder: string) {
    this.#file = join(folder, RECORD_FILES.latency);
  }

  /** Adds what has come since the last time. A file that is not there, or cannot be read, has nothing. */
  read(): Promise<void> {
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    const handle = await open(this.#file).catch(() => undefined);
    if (!handle) return;
    try {
      for (;;) {
        const { bytesRead } = await handle.read(this.#chunk, 0, CHUNK_BYTES, this.#offset);
        if (bytesRead === 0) return;
        this.#offset += bytesRead;
        this.#take(this.#chunk.toString('latin1', 0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() as string).slice(0, LONGEST_LINE);
    for (const line of lines) addInterval(this.histograms, line);
  }
}
