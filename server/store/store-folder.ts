import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { folderError } from './folder-error.js';
import { type HeldLock, lockFolder } from './folder-lock.js';
import {
  closeGeneration,
  createGeneration,
  homesOf,
  isOpenToOthers,
  removeGeneration,
} from './generation.js';
import { checkDataFileIsThere } from './home-folder.js';
import { StoreError } from './home-store.js';
import { DATA_FILE } from './lmdb-store.js';
import {
  type Generation,
  MANIFEST,
  nextFolder,
  readManifest,
  readyOf,
  STORE_FORMAT,
  writeManifest,
} from './manifest.js';
import { readThroughHomes } from './read-through.js';
import { shareOut } from './share-out.js';

/** A store that was made ready, and belongs to this process until it is released. */
export interface StoreFolder {
  /** @throws StoreError where the folder went away meanwhile, and what was accepted with it */
  release(): void;
}

const MIB = 2 ** 20;

type Say = (line: string) => void;

/** The folder of one home, of a store that was made ready. */
export function homeFolder(folder: string, home: number): string {
  const ready = readyOf(readManifest(folder));
  const path = ready && homesOf(folder, ready)[home];
  if (path === undefined) throw new StoreError(`${folder} has no mailboxes of home ${home}`);
  return path;
}

/**
 * Takes `folder` and makes it ready for `homes`: creates it, or checks what is there, and shares the mailboxes out
 * anew where another number of homes, or a version before, kept them.
 * @param say told what whoever runs the server should know, a line each
 * @throws StoreError where it is in use, holds something else, is not whole, or the system does not let us
 */
export async function takeStoreFolder(
  folder: string,
  homes: number,
  say: Say = () => undefined,
): Promise<StoreFolder> {
  try {
    makeFolder(folder);
    // Before anything is put into it, and once more under the lock: another server may be creating it.
    readManifest(folder);
    const lock = await lockFolder(folder);
    try {
      await prepare(folder, homes, say);
      const { ino } = statSync(join(folder, MANIFEST));
      return { release: () => giveBack(folder, ino, lock) };
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw folderError(folder, error);
  }
}

/** Only the folder itself is ours to close to others. */
function makeFolder(folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    readdirSync(folder);
    return;
  }
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const isFolderOfAnother =
      (error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(folder).isDirectory();
    if (!isFolderOfAnother) throw error;
  }
}

function giveBack(folder: string, manifest: number, lock: HeldLock): void {
  lock.release();
  if (statSync(join(folder, MANIFEST), { throwIfNoEntry: false })?.ino === manifest) return;
  throw new StoreError(
    `${folder} was moved, deleted or unmounted while the server ran: what was accepted is where it went, or gone with it; bring it back before the next start`,
  );
}

async function prepare(folder: string, homes: number, say: Say): Promise<void> {
  const generations = removeUnfinished(folder, readManifest(folder), say);
  const ready = readyOf(generations);
  if (!ready) {
    const first: Generation = {
      folder: nextFolder(folder, generations),
      state: 'creating',
      format: STORE_FORMAT,
      homes,
    };
    writeManifest(folder, [first]);
    await createGeneration(folder, first);
    writeManifest(folder, [{ ...first, state: 'ready' }]);
    tellOfOpenFolder(folder, say);
    return;
  }
  const locks: HeldLock[] = [];
  for (const path of homesOf(folder, ready)) checkDataFileIsThere(path);
  try {
    // Homes of a server that was killed notice that, and go, a moment later.
    for (const path of homesOf(folder, ready)) locks.push(await lockFolder(path));
    closeToOthers(folder, ready, say);
    await readThroughHomes(homesOf(folder, ready), ready.format, say);
    if (ready.homes !== homes || ready.format !== STORE_FORMAT) await replace(folder, ready, homes, say);
  } finally {
    for (const lock of locks) lock.release();
  }
}

/** What a server that was killed had begun to make, or to delete. */
function removeUnfinished(folder: string, generations: Generation[], say: Say): Generation[] {
  const unfinished = generations.filter(({ state }) => state !== 'ready');
  if (unfinished.length === 0) return generations;
  for (const generation of unfinished) remove(folder, generation, say);
  const finished = generations.filter(({ state }) => state === 'ready');
  writeManifest(folder, finished);
  return finished;
}

/** Puts a new generation in the place of `old`, which counts until the manifest says otherwise. */
async function replace(folder: string, old: Generation, homes: number, say: Say): Promise<void> {
  say(`sharing out the mailboxes of ${folder} among ${homes} homes; they were kept by ${old.homes}`);
  const next: Generation = {
    folder: nextFolder(folder, [old]),
    state: 'creating',
    format: STORE_FORMAT,
    homes,
  };
  writeManifest(folder, [old, next]);
  try {
    await createGeneration(folder, next);
    await shareOut(folder, old, next);
  } catch (error) {
    // It may well be that there was no room: give back what was taken.
    remove(folder, next, say);
    writeManifest(folder, [old]);
    throw error instanceof StoreError ? error : notSharedOut(folder, old, homes, error as Error);
  }
  writeManifest(folder, [
    { ...next, state: 'ready' },
    { ...old, state: 'obsolete' },
  ]);
  remove(folder, old, say);
  writeManifest(folder, [{ ...next, state: 'ready' }]);
}

function notSharedOut(folder: string, old: Generation, homes: number, { message }: Error): StoreError {
  const bytes = homesOf(folder, old).reduce((sum, path) => sum + statSync(join(path, DATA_FILE)).size, 0);
  const instead = old.format === STORE_FORMAT ? `, or start it with ${old.homes} homes as before` : '';
  return new StoreError(
    `${folder}: the mailboxes could not be shared out among ${homes} homes (${message}); nothing was changed: make room for as much again (${Math.ceil(bytes / MIB)} MiB)${instead}`,
  );
}

function remove(folder: string, generation: Generation, say: Say): void {
  const isSomethingLeft = removeGeneration(folder, generation);
  if (isSomethingLeft) {
    say(`${join(folder, generation.folder)} holds files that are not of c2m, and stays; no mailbox is in it`);
  }
}

function closeToOthers(folder: string, generation: Generation, say: Say): void {
  const { closed, open } = closeGeneration(folder, generation);
  if (closed > 0) {
    say(`${folder}: ${closed} files and folders of mailboxes were open to other users, and are closed now`);
  }
  for (const path of open)
    say(`${path} is open to other users and belongs to one: its owner should chmod go= it`);
  tellOfOpenFolder(folder, say);
}

function tellOfOpenFolder(folder: string, say: Say): void {
  if (!isOpenToOthers(folder)) return;
  say(`${folder} is open to other users, though the mailboxes in it are closed to them: chmod 700 ${folder}`);
}
