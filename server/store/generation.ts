import { chmodSync, mkdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createHome, HOME_FILES, markClosed } from './home-folder.js';
import { type Generation, syncFolder } from './manifest.js';

/** The folders of the homes of one generation, in the order of their numbers. */
export function homesOf(folder: string, generation: Generation): string[] {
  return Array.from({ length: generation.homes }, (_, home) =>
    join(folder, generation.folder, `home-${home}`),
  );
}

/** Makes the folders of a generation that the manifest names already, each with an empty store. */
export async function createGeneration(folder: string, generation: Generation): Promise<void> {
  mkdirSync(join(folder, generation.folder), { recursive: true, mode: 0o700 });
  for (const path of homesOf(folder, generation)) {
    await createHome(path);
    closeToOthers(path, HOME_FILES);
    markClosed(path);
  }
  syncFolder(join(folder, generation.folder));
}

/** Deletes what the server put into a generation. @returns whether something else was in it, which stays */
export function removeGeneration(folder: string, generation: Generation): boolean {
  const path = join(folder, generation.folder);
  if (!isFolder(path)) return false;
  let isAllGone = true;
  for (const home of homesOf(folder, generation)) {
    if (!isFolder(home)) continue;
    for (const file of HOME_FILES) rmSync(join(home, file), { force: true });
    isAllGone = removeEmpty(home) && isAllGone;
  }
  return !(isAllGone && removeEmpty(path));
}

/**
 * Takes from everybody but the owner what a generation of an older server, or a copy, left open to them.
 * @returns how many folders and files were open, or stay so because they belong to another user
 */
export function closeGeneration(folder: string, generation: Generation): { closed: number; open: string[] } {
  const results = [
    closeToOthers(folder, [generation.folder]),
    ...homesOf(folder, generation).map((home) => closeToOthers(home, ['.', ...HOME_FILES])),
  ];
  return {
    closed: results.reduce((sum, { closed }) => sum + closed, 0),
    open: results.flatMap(({ open }) => open),
  };
}

/** Whether others than the owner may do anything with it. */
export function isOpenToOthers(path: string): boolean {
  if (process.platform === 'win32') return false;
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  return (mode & 0o077) !== 0;
}

function closeToOthers(folder: string, names: string[]): { closed: number; open: string[] } {
  const open: string[] = [];
  let closed = 0;
  for (const path of names.map((name) => join(folder, name)).filter(isOpenToOthers)) {
    try {
      chmodSync(path, statSync(path).mode & 0o700);
      closed += 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
      open.push(path);
    }
  }
  return { closed, open };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}
