import { constants, existsSync, lstatSync, readdirSync, renameSync, writeSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasLocks, tryLock } from './store/folder-lock.js';

/** What a server keeps while it lives, and what a run keeps with its own server. */
export type TemporaryFolderPrefix = 'c2m-server-' | 'c2m-target-';

const NAME = /^c2m-(server|target)-[A-Za-z0-9]{6}$/;

/** Makes a folder known as ours; whoever made it holds its lock while it lives. */
const OWNER_MARK = 'c2m-temporary';

export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * A folder that nobody else may look into, and that `clearOwnerless` removes once this process has ended. Without locks
 * (koffi) it has no mark, so that nobody takes it for ownerless, and stays behind where this process is killed.
 */
export async function makeTemporaryFolder(
  prefix: TemporaryFolderPrefix,
  parent = tmpdir(),
): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, prefix));
  if (!hasLocks()) return { path, remove: () => removeWithMark(path) };
  // It gets its name with the lock on it already: otherwise somebody who clears could be faster.
  const unnamed = join(path, `${OWNER_MARK}.new`);
  const lock = await tryLock(unnamed, constants.O_CREAT);
  if (!lock) throw new Error(`${path} was taken by another process at once; try again`);
  writeSync(lock.descriptor, `${process.pid}\n`);
  renameSync(unnamed, join(path, OWNER_MARK));
  const remove = async () => {
    await removeWithMark(path);
    lock.release();
  };
  return { path, remove };
}

export interface Clearing {
  cleared: string[];
  /** Ownerless, and could not be removed for the reason behind it. */
  left: string[];
}

/**
 * Removes the temporary folders of servers and runs that were killed: of our names, of this user, with our mark in
 * them, whose lock nobody holds. Nothing else is touched; nothing at all where there are no locks (koffi).
 */
export async function clearOwnerless(parent = tmpdir()): Promise<Clearing> {
  const clearing: Clearing = { cleared: [], left: [] };
  if (!hasLocks()) return clearing;
  for (const name of readdirSync(parent).filter((each) => NAME.test(each))) {
    const path = join(parent, name);
    try {
      if (await clearIfOwnerless(path)) clearing.cleared.push(path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // Its owner, or somebody else who clears, was faster. Whatever else it is keeps nobody from starting.
      if (code !== 'ENOENT') clearing.left.push(`${path}: ${message}`);
    }
  }
  return clearing;
}

async function clearIfOwnerless(path: string): Promise<boolean> {
  const mark = join(path, OWNER_MARK);
  if (!isOurs(path, 'folder') || !isOurs(mark, 'file')) return false;
  const lock = await tryLock(mark);
  if (!lock) return false;
  try {
    await removeWithMark(path);
    return true;
  } finally {
    lock.release();
  }
}

/** The mark last: whoever is killed in the middle leaves a folder that can still be cleared. */
async function removeWithMark(path: string): Promise<void> {
  // Those who tidy the folder of all up were faster.
  if (!existsSync(path)) return;
  for (const name of await readdir(path)) {
    if (name !== OWNER_MARK) await rm(join(path, name), { recursive: true, force: true });
  }
  await rm(path, { recursive: true, force: true });
}

/** Itself, not what a link leads to, and made by this user: anybody may put anything into the folder of all. */
function isOurs(path: string, kind: 'folder' | 'file'): boolean {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (!facts || (process.geteuid && facts.uid !== process.geteuid())) return false;
  return kind === 'folder' ? facts.isDirectory() : facts.isFile();
}
