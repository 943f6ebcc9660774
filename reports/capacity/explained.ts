import { join } from 'node:path';
import type { Capacity, CapacitySearch } from '../../record/capacity.js';
import { readRunRecord } from '../../record/folder.js';
import { type ReportedRun, readReportedRun } from '../reported-run.js';
import { becauseOf, breakingTrial } from './because.js';
import { conclusionOf } from './conclusion.js';

/**
 * The same capacity with the words for why each search ended where it did, made from the records of the trials that broke.
 * @throws RecordError where one of those cannot be read
 */
export async function explained(folder: string, capacity: Capacity): Promise<Capacity> {
  const searches: CapacitySearch[] = [];
  for (const search of capacity.searches) {
    const trial = breakingTrial(search);
    const because = trial ? becauseOf(trial, await reported(folder, trial.folder)) : null;
    const told = { ...search, because };
    searches.push({ ...told, conclusion: conclusionOf(capacity, told) });
  }
  return { ...capacity, searches };
}

async function reported(folder: string, trial: string | null): Promise<ReportedRun | undefined> {
  if (trial === null) return undefined;
  const own = join(folder, trial);
  return readReportedRun(own, await readRunRecord(own));
}
