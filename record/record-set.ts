import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NoRecordsError, RECORD_FILES, RecordError, readRunRecord } from './folder.js';
import { printable } from './printable.js';
import type { RunRecord } from './run.js';

/** A record and where it is. */
export interface FoundRecord {
  folder: string;
  record: RunRecord;
}

/** More runs of one thing than this nobody compares; a folder with more is another folder. */
const MOST_RECORDS = 1000;

/**
 * The records of a set of runs: `folder` is a record itself, or holds one in each of its folders, in the order of their names.
 * @throws NoRecordsError where there is nothing; RecordError where there is no record, or one of them cannot be read
 */
export async function readRecordSet(folder: string): Promise<FoundRecord[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const isRecord = entries.some(({ name }) => name === RECORD_FILES.run || name === RECORD_FILES.timeline);
  if (entries.length === 0)
    throw new NoRecordsError(
      `${printable(folder)} holds no run record: it is not there, or empty; name a folder that c2m run has written`,
    );
  const inside = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  if (isRecord || inside.length === 0) return [{ folder, record: await readRunRecord(folder) }];
  if (inside.length > MOST_RECORDS)
    throw new RecordError(`${printable(folder)} holds ${inside.length} folders; a set of runs has fewer`);
  const found: FoundRecord[] = [];
  for (const each of inside.sort()) found.push({ folder: each, record: await readRunRecord(each) });
  return found;
}
