import type { LatencySummary, RunRecord } from '../record/run.js';

export type { LatencySummary, RunRecord };

/**
 * Reads the record that a run has left. Times in it are seconds since the run began, latencies milliseconds, memory
 * bytes, rates a second; null: not measured, or the protocol cannot tell. `docs/run-record.md` has every field, and
 * `c2m/run.schema.json` is its JSON Schema.
 *
 * @param folder - of the record, such as `runs/20260314-092653-quickstart`
 * @throws {@link C2mError} with the code `C2M_RECORD` where there is none, or none that this version can read
 */
export async function readRecord(folder: string): Promise<RunRecord> {
  const { readRunRecord } = await import('../record/folder.js');
  return readRunRecord(folder);
}
