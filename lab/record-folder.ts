import { access, mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORD_FILES, unfinishedFile } from '../record/folder.js';
import { InputError } from '../record/input-error.js';

/** Where a record goes when nobody says: `runs/20260314-092653-quickstart`, in local time. */
export function defaultRecordFolder(name: string, now: Date = new Date()): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return join('runs', `${date}-${time}-${name}`);
}

/**
 * Makes the folder for a record. One that holds a record already is left alone unless `replace` says otherwise;
 * then its files are removed, so that what is in the folder is of one run.
 * @throws InputError
 */
export async function prepareRecordFolder(folder: string, replace: boolean): Promise<void> {
  await demandReplaceable(folder, replace);
  const files = filesIn(folder);
  try {
    await mkdir(folder, { recursive: true });
    const leftOver = files.flatMap((file) => [file, unfinishedFile(file)]);
    await Promise.all(leftOver.map((file) => rm(file, { force: true })));
  } catch (error) {
    throw new InputError(
      `${folder} cannot be the folder of a record: ${(error as Error).message}; choose another --out`,
    );
  }
}

/**
 * A record is not written over by mistake.
 * @throws InputError
 */
export async function demandReplaceable(folder: string, replace: boolean): Promise<void> {
  if (replace) return;
  const present = await Promise.all(filesIn(folder).map(exists));
  if (!present.some(Boolean)) return;
  throw new InputError(
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
    throw error;
  });
  if (entries.length > 0)
    throw new InputError(`${folder} is not empty, and would not be one set of runs; choose another --out`);
}
