import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RECORD_FILES } from '../../record/folder.js';
import type { TimelineSample } from '../../record/timeline.js';

/**
 * The files of a record that grow during the run. Each line is written at once and as a whole, so that whatever ends
 * the run leaves what was measured until then.
 */
export class RecordWriter {
  readonly #timeline: number;
  readonly #latency: number;
  #isClosed = false;

  /** @param folder exists */
  constructor(folder: string) {
    this.#timeline = openSync(join(folder, RECORD_FILES.timeline), 'w');
    this.#latency = openSync(join(folder, RECORD_FILES.latency), 'w');
  }

  sample(sample: TimelineSample): void {
    if (!this.#isClosed) writeSync(this.#timeline, `${JSON.stringify(sample)}\n`);
  }

  /** @param text of latency.hlog, whole lines */
  latency(text: string): void {
    if (!this.#isClosed) writeSync(this.#latency, text);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#timeline);
    closeSync(this.#latency);
  }
}
