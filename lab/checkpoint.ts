import { RECORD_FILES, writeRecordFile } from '../record/folder.js';
import { printableJson } from '../record/printable.js';
import type { Measurement, RunRecord } from '../record/run.js';

/**
 * Keeps a readable run.json in the folder of a run that goes on, so that a run which is killed leaves what it had. Each is
 * written as a whole; the record of the run that has ended takes the place of the last.
 */
export class Checkpoint {
  readonly #folder: string;
  readonly #judge: (measurement: Measurement) => RunRecord;
  #writing: Promise<void> | undefined;
  #failure: string | undefined;

  /** @param judge what makes a record of a measurement, as it does at the end */
  constructor(folder: string, judge: (measurement: Measurement) => RunRecord) {
    this.#folder = folder;
    this.#judge = judge;
  }

  /**
   * Takes what was measured until now. It is dropped where the one before is still being written.
   * @returns what is written
   */
  take(measurement: Measurement): RunRecord | undefined {
    if (this.#writing) return undefined;
    const note =
      `this is what was measured by ${measurement.durationSeconds} s, written while the run went on: ` +
      'unless it still does, it was killed';
    const record = this.#judge({ ...measurement, notes: [...measurement.notes, note] });
    this.#writing = writeRecordFile(this.#folder, RECORD_FILES.run, `${printableJson(record, 2)}\n`)
      .catch((error: Error) => {
        this.#failure ??= `run.json could not be written while the run went on: ${error.message}`;
      })
      .finally(() => {
        this.#writing = undefined;
      });
    return record;
  }

  /** Waits for what is being written. @returns notes for the record that takes its place */
  async end(): Promise<string[]> {
    await this.#writing;
    return this.#failure === undefined ? [] : [this.#failure];
  }
}
