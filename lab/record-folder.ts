import { access, mkdir, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORD_FILES, unfinishedFile } from '../record/folder.js';
import { InputError } from '../record/input-error.js';

/** A folder cannot take a record. */
export class RecordFolderError extends InputError {}

/** It holds one, or another run is about to write one there. */
export class FolderTakenError extends RecordFolderError {}

/** Where a record goes when nobody says: `runs/20260314-092653-quickstart`, in local time. */
export function defaultRecordFolder(name: string, now: Date = new Date()): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return join('runs', `${date}-${time}-${name}`);
}

/**
 * Makes the folder for a record. One that holds a record already is left alone unless `replace` says otherwise;
 * then its files are removed, so that what is in the folder is of one run. Of several runs that ask at once, one gets it.
 * @throws FolderTakenError, RecordFolderError
 */
export async function prepareRecordFolder(folder: string, replace: boolean): Promise<void> {
  await demandReplaceable(folder, replace);
  const files = filesIn(folder);
  const remove = (each: readonly string[]): Promise<unknown> =>
    Promise.all(each.map((file) => rm(file, { force: true })));
  try {
    await mkdir(folder, { recursive: true });
    if (replace) await remove(files);
    // Whoever makes the first file has the folder: two that write into one would damage both records.
    await writeFile(join(folder, RECORD_FILES.timeline), '', { flag: 'wx' });
    await remove(files.map(unfinishedFile));
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    if (syscall === 'open' && code === 'EEXIST') throw taken(folder);
    throw new RecordFolderError(
      `${folder} cannot be the folder of a record: ${(error as Error).message}; choose another --out`,
    );
  }
}

/**
 * A record is not written over by mistake.
 * @throws FolderTakenError
 */
export async function demandReplaceable(folder: string, replace: boolean): Promise<void> {
  if (replace) return;
  const present = await Promise.all(filesIn(folder).map(exists));
  if (!present.some(Boolean)) return;
  throw taken(folder);
}

function taken(folder: string): FolderTakenError {
  return new FolderTakenError(
    `${folder} holds a run record already; choose another --out, or give --force to replace it`,
  );
}

function filesIn(folder: string): string[] {
  return Object.values(RECORD_FILES).map((file) => join(folder, file));
}

/** After a run that measured nothing: takes the folder away again unless something is in it. */
export async function discardRecordFolder(folder: string): Promise<void> {
  for (const name of Object.values(RECORD_FILES)) {
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found?.size === 0) await rm(file);
  }
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY') throw error;
  });
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/**
 * A set is of one series: what is there already would be taken for part of it.
 * @throws InputError
 */
export async function demandNoRecords(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new InputError(`${folder} cannot be the folder of records: ${error.message}; choose another --out`);
  });
  if (entries.length > 0)
    throw new InputError(`${folder} is not empty, and would not be one set of runs; choose another --out`);
}
