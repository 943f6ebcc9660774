import { type FoundRecord, readRecordSet } from '../record-set.js';
import { parseBranchAddress } from './branch-address.js';
import { readBranch } from './read-branch.js';

/**
 * The records of a set, wherever it is: a folder, or `branch:NAME[:FOLDER]` of this repository.
 * @throws InputError, RecordError
 */
export async function readRecordsAt(place: string): Promise<FoundRecord[]> {
  const branch = parseBranchAddress(place);
  return branch ? readBranch(branch) : readRecordSet(place);
}
