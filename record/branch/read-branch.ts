import {
  LARGEST_RECORD_BYTES,
  NoRecordsError,
  parseRunRecord,
  RECORD_FILES,
  RecordError,
} from '../folder.js';
import { decodeText } from '../input-file.js';
import { printable } from '../printable.js';
import type { FoundRecord } from '../record-set.js';
import { type BranchAddress, branchAddressText } from './branch-address.js';
import { GitError, git, gitText } from './git.js';

/** As of a folder: more runs of one thing nobody compares. */
const MOST_RECORDS = 1000;
/** Of all records that are read. */
const MOST_BYTES = 512 * 1024 * 1024;
/** Of the names of all files in the folder. */
const MOST_LISTED_BYTES = 32 * 1024 * 1024;
const FOLDERS_TOLD = 8;

/**
 * The records in a branch, without checking it out: of one set, in the order of their names.
 * @param cwd of the repository; undefined: the folder that we are in
 * @throws NoRecordsError where there is nothing yet; InputError, RecordError
 */
export async function readBranch(address: BranchAddress, cwd?: string): Promise<FoundRecord[]> {
  const name = branchAddressText(address);
  const commit = await commitOf(address.branch, cwd);
  if (commit === undefined) throw noBranch(address);
  const files = await runFiles(commit, address.path, cwd);
  const found = setOf(files, name);
  const bytes = found.reduce((sum, { size }) => sum + size, 0);
  if (found.length > MOST_RECORDS || bytes > MOST_BYTES)
    throw new RecordError(`${name} holds ${found.length} records of ${bytes} bytes; a set of runs has fewer`);
  const records: FoundRecord[] = [];
  for (const { folder, blob, size } of found) {
    const place = folder === '' ? name : `${name}${address.path === '' ? ':' : '/'}${folder}`;
    if (size > LARGEST_RECORD_BYTES.run)
      throw new RecordError(`${printable(place)} is larger than any record: ${size} bytes`);
    const text = decodeText(place, await git(['cat-file', 'blob', blob], { cwd, mostBytes: size + 1 }));
    records.push({ folder: place, record: parseRunRecord(text, `${place}/${RECORD_FILES.run}`) });
  }
  return records;
}

/** The newest commit of a branch: of the local one, else of the one that was fetched from origin. */
export async function commitOf(branch: string, cwd?: string): Promise<string | undefined> {
  for (const ref of [`refs/heads/${branch}`, `refs/remotes/origin/${branch}`]) {
    try {
      return await gitText(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`], { cwd });
    } catch (error) {
      // It says nothing where there is no such branch, and a word where there is no repository.
      if (!(error instanceof GitError) || /not a git repository/.test(error.message)) throw error;
    }
  }
  return undefined;
}

function noBranch({ branch }: BranchAddress): NoRecordsError {
  return new NoRecordsError(
    `there is no branch ${branch} here, neither one of this repository nor one of origin; fetch it first ` +
      `(git fetch origin ${branch}:${branch}), or make it with its first record: c2m baseline add DIR --to branch:${branch}`,
  );
}

interface RunFile {
  /** Below the folder that was asked for; empty: that itself. */
  folder: string;
  blob: string;
  size: number;
}

/** Every run.json under a folder of a commit. */
async function runFiles(commit: string, path: string, cwd: string | undefined): Promise<RunFile[]> {
  const under = path === '' ? [] : ['--', `${path}/`];
  const listed = await git(['ls-tree', '-r', '-l', '-z', '--full-tree', commit, ...under], {
    cwd,
    mostBytes: MOST_LISTED_BYTES,
  });
  return listed
    .toString('utf8')
    .split('\0')
    .flatMap((entry) => {
      // Mode, type, object, size, a tab, and the path. A link, 120000, leads anywhere.
      const match = /^100\d{3} blob ([0-9a-f]+) +(\d+)\t(.*)$/s.exec(entry);
      const [, blob = '', size = '', file = ''] = match ?? [];
      const within = path === '' ? file : file.slice(path.length + 1);
      if (!match || (within !== RECORD_FILES.run && !within.endsWith(`/${RECORD_FILES.run}`))) return [];
      return [{ folder: within.slice(0, -RECORD_FILES.run.length - 1), blob, size: Number(size) }];
    });
}

/** A record itself, or the folders of one; what lies deeper is of other sets. */
function setOf(files: readonly RunFile[], name: string): RunFile[] {
  const itself = files.filter(({ folder }) => folder === '');
  const inside = files.filter(({ folder }) => folder !== '' && !folder.includes('/'));
  const set = itself.length > 0 ? itself : inside;
  if (set.length > 0) return [...set].sort((one, other) => (one.folder < other.folder ? -1 : 1));
  const folders = [...new Set(files.map(({ folder }) => folder.slice(0, folder.lastIndexOf('/'))))];
  if (folders.length === 0) throw new NoRecordsError(`${printable(name)} holds no run record`);
  const told = folders.slice(0, FOLDERS_TOLD).join(', ');
  throw new RecordError(
    printable(`${name} holds records of several sets, in ${told}; name one of these folders`),
  );
}
