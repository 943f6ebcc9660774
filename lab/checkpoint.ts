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
  readonly #watch: ((record: RunRecord) => void) | undefined;
  #writing: Promise<void> | undefined;
  #failure: string | undefined;

  /**
   * @param judge what makes a record of a measurement, as it does at the end
   * @param watch told of each of them
   */
  constructor(
    folder: string,
    judge: (measurement: Measurement) => RunRecord,
    watch?: (record: RunRecord) => void,
  ) {
    this.#folder = folder;
    this.#judge = judge;
    this.#watch = watch;
  }

  /** Takes what was measured until now. It is dropped where the one before is still being written. */
  take(measurement: Measurement): void {
    if (this.#writing) return;
    const soFar = this.#judge(measurement);
    this.#watch?.(soFar);
    const note =
      `this is what was measured by ${measurement.durationSeconds} s, written while the run went on: ` +
      'unless it still does, it was killed';
    const record = { ...soFar, notes: [...soFar.notes, note] };
    this.#writing = writeRecordFile(this.#folder, RECORD_FILES.run, `${printableJson(record, 2)}\n`)
      .catch((error: Error) => {
        this.#failure ??= `run.json could not be written while the run went on: ${error.message}`;
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Waits for what is being written. @returns notes for the record that takes its place */
  async end(): Promise<string[]> {
    await this.#writing;
    return this.#failure === undefined ? [] : [this.#failure];
  }
}
