import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LARGEST_RECORD_BYTES, RECORD_FILES, readRunRecord } from '../folder.js';
import { InputError } from '../input-error.js';
import { readTextFile } from '../input-file.js';
import { printable } from '../printable.js';
import type { RunRecord } from '../run.js';
import { type BranchAddress, branchAddressText } from './branch-address.js';
import { type GitOptions, git, gitText } from './git.js';
import { commitOf } from './read-branch.js';

export interface Addition {
  /** Of the record, in the branch. */
  folder: string;
  commit: string;
  /** Folders that made room. */
  removed: string[];
}

/** Of summary.md, which has no limit of its own. */
const LARGEST_SUMMARY_BYTES = 1024 * 1024;
const FILE_MODE = '100644';

/** Whose the commit is where git knows nobody, as in a CI job. */
const NOBODY = {
  GIT_AUTHOR_NAME: 'c2m',
  GIT_AUTHOR_EMAIL: 'c2m@localhost',
  GIT_COMMITTER_NAME: 'c2m',
  GIT_COMMITTER_EMAIL: 'c2m@localhost',
};

/**
 * Adds a record to a branch, as one commit, without checking it out: no file of the work tree is touched, nor what is staged.
 * A branch that is not there begins with it. What is kept is what comparisons read, run.json, and its summary for people.
 * @param keep so many of the newest stay in that folder
 * @throws RecordError, InputError, GitError
 */
export async function addToBranch(
  folder: string,
  address: BranchAddress,
  { keep, cwd }: { keep: number; cwd?: string },
): Promise<Addition> {
  const record = await readRunRecord(folder);
  const texts = new Map([
    [RECORD_FILES.run, await readTextFile(join(folder, RECORD_FILES.run), LARGEST_RECORD_BYTES.run)],
  ] as [string, string][]);
  const files = await readdir(folder);
  if (files.includes(RECORD_FILES.summary)) {
    const file = join(folder, RECORD_FILES.summary);
    texts.set(RECORD_FILES.summary, await readTextFile(file, LARGEST_SUMMARY_BYTES));
  }
  const scratch = await mkdtemp(join(tmpdir(), 'c2m-branch-'));
  try {
    const own = { cwd, environment: { GIT_INDEX_FILE: join(scratch, 'index') } };
    return await commitRecord(record, texts, address, keep, own);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function commitRecord(
  record: RunRecord,
  texts: ReadonlyMap<string, string>,
  address: BranchAddress,
  keep: number,
  own: GitOptions & { cwd: string | undefined },
): Promise<Addition> {
  await demandNotCheckedOut(address.branch, own.cwd);
  const parent = await commitOf(address.branch, own.cwd);
  const local = await localCommit(address.branch, own.cwd);
  await git(parent === undefined ? ['read-tree', '--empty'] : ['read-tree', parent], own);
  const folder = join(address.path, folderName(record));
  const removed = parent === undefined ? [] : await makeRoom(parent, address.path, folder, keep, own);
  const entries: string[] = [];
  for (const [name, text] of texts) {
    const blob = await gitText(['hash-object', '-w', '--stdin'], { ...own, input: text });
    entries.push(`${FILE_MODE} ${blob}\t${folder}/${name}\0`);
  }
  await git(['update-index', '-z', '--index-info'], { ...own, input: entries.join('') });
  const tree = await gitText(['write-tree'], own);
  const message = `Add ${record.name} of ${record.startedAt} (${record.verdict}) to ${branchAddressText(address)}\n`;
  const commit = await gitText(
    ['commit-tree', tree, ...(parent === undefined ? [] : ['-p', parent]), '-F', '-'],
    {
      ...own,
      environment: { ...own.environment, ...(await identity(own)) },
      input: message,
    },
  );
  // Whoever has added one meanwhile is not undone: git compares with what the branch was.
  await git(
    ['update-ref', '-m', 'c2m baseline add', `refs/heads/${address.branch}`, commit, local ?? ''],
    own,
  );
  return { folder, commit, removed };
}

/**
 * A branch that moves on under a work tree leaves it behind: what was added would stand there as deleted, and the next
 * `git commit --all` would take it away again.
 * @throws InputError
 */
async function demandNotCheckedOut(branch: string, cwd: string | undefined): Promise<void> {
  const format = '--format=%(worktreepath)';
  const place = await gitText(['for-each-ref', format, `refs/heads/${branch}`], { cwd });
  if (place !== '')
    throw new InputError(
      `branch ${branch} is checked out in ${printable(place)}, which would not have what is added; name one of its own for ` +
        'base lines, such as branch:c2m-baseline',
    );
}

/** Undefined: there is none, or only that of origin. */
async function localCommit(branch: string, cwd: string | undefined): Promise<string | undefined> {
  const listed = await gitText(['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`], { cwd });
  return listed === '' ? undefined : listed.split('\n')[0];
}

/** In the order of time, and the same for the same record: adding it twice adds it once. */
function folderName({ startedAt, id }: RunRecord): string {
  const time = startedAt.replace(/[-:]/g, '').replace(/\.\d+/, '');
  return `${time}-${id.replace(/[^0-9A-Za-z]/g, '').slice(0, 8)}`;
}

/**
 * Takes the oldest folders of records out of the index, by their names. Both commands name files from the top of the tree,
 * whichever folder of the repository we are in; ls-files and --force-remove would look no further than that one.
 */
async function makeRoom(
  parent: string,
  path: string,
  added: string,
  keep: number,
  own: GitOptions,
): Promise<string[]> {
  const depth = path === '' ? 0 : path.split('/').length;
  const listed = await filesIn(parent, path, own);
  const folders = listed
    .filter(({ file }) => file.endsWith(`/${RECORD_FILES.run}`) && file.split('/').length === depth + 2)
    .map(({ file }) => file.slice(0, -RECORD_FILES.run.length - 1))
    .filter((folder) => folder !== added && /\/?\d{8}T\d{6}Z-\w+$/.test(folder))
    .sort();
  const removed = folders.slice(0, Math.max(0, folders.length + 1 - keep));
  const gone = listed.filter(({ file }) => removed.some((folder) => file.startsWith(`${folder}/`)));
  // A mode of 0 takes it out.
  const input = gone.map(({ object, file }) => `0 ${object}\t${file}\0`).join('');
  if (input !== '') await git(['update-index', '-z', '--index-info'], { ...own, input });
  return removed;
}

async function filesIn(
  commit: string,
  path: string,
  own: GitOptions,
): Promise<{ object: string; file: string }[]> {
  const under = path === '' ? [] : ['--', `${path}/`];
  const listed = await git(['ls-tree', '-r', '-z', '--full-tree', commit, ...under], {
    ...own,
    mostBytes: 32 * 1024 * 1024,
  });
  return listed
    .toString('utf8')
    .split('\0')
    .flatMap((entry) => {
      const [, object, file] = /^\d+ \w+ ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? [];
      return object === undefined || file === undefined ? [] : [{ object, file }];
    });
}

/** Of whoever git knows; a CI job has often said nothing. */
async function identity({ cwd }: GitOptions): Promise<Record<string, string>> {
  // Git makes a name up from the machine's where it may.
  const isKnown = await gitText(['-c', 'user.useConfigOnly=true', 'var', 'GIT_COMMITTER_IDENT'], {
    cwd,
  }).then(
    () => true,
    () => false,
  );
  return isKnown ? {} : NOBODY;
}
