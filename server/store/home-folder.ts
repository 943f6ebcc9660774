import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { folderError } from './folder-error.js';
import { lockFolder, OWNER_FILE } from './folder-lock.js';
import { damagedStore } from './home-store.js';
import { DATA_FILE, LOCK_FILE, openLmdb } from './lmdb-store.js';
import { syncFolder } from './manifest.js';

/** Written when a home was closed in order, and taken away when it is opened: what the data file was then. */
const CLOSED_FILE = 'closed.json';

/** All that a home puts into its folder; nothing else in it is ours. */
export const HOME_FILES = [DATA_FILE, LOCK_FILE, OWNER_FILE, CLOSED_FILE, `${CLOSED_FILE}.new`];

/** Nanoseconds do not fit a number. */
const closedSchema = z.object({ bytes: z.string(), modifiedNs: z.string(), inode: z.string() });

/** A home's folder that belongs to this process until it is released. */
export interface TakenHome {
  readonly path: string;
  /** To be called once its store is closed. */
  release(): void;
}

/** Makes the folder of one home with an empty store in it. */
export async function createHome(path: string): Promise<void> {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  await openLmdb(path).close();
}

/**
 * Takes the folder of one home, which was made ready, to open its store.
 * @throws StoreError where another process has it, or its data file is gone
 */
export async function takeHome(path: string): Promise<TakenHome> {
  try {
    const lock = await lockFolder(path);
    try {
      checkDataFileIsThere(path);
      rmSync(join(path, CLOSED_FILE), { force: true });
    } catch (error) {
      lock.release();
      throw error;
    }
    const release = () => {
      try {
        markClosed(path);
      } finally {
        lock.release();
      }
    };
    return { path, release };
  } catch (error) {
    throw folderError(path, error);
  }
}

/** LMDB would put a new, empty file in the place of one that is missing or has no bytes. @throws StoreError */
export function checkDataFileIsThere(path: string): void {
  const file = join(path, DATA_FILE);
  const there = statSync(file, { throwIfNoEntry: false });
  if (!there) throw damagedStore(`${file} is missing, and the store had one`);
  if (there.size === 0) throw damagedStore(`${file} is empty, and no store of mailboxes is`);
}

/** Says in the folder that its store was closed whole, once the disk has it. */
export function markClosed(path: string): void {
  const file = join(path, DATA_FILE);
  // It went with its folder, which whoever has the folder tells of: there is nothing to mark.
  if (!statSync(file, { throwIfNoEntry: false })) return;
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  const fresh = join(path, `${CLOSED_FILE}.new`);
  writeFileSync(fresh, `${JSON.stringify(fingerprint(file))}\n`, { flush: true, mode: 0o600 });
  renameSync(fresh, join(path, CLOSED_FILE));
  syncFolder(path);
}

/** Whether the data file is the one that was closed in order, and nobody has written to it since. */
export function isAsClosed(path: string): boolean {
  const closed = join(path, CLOSED_FILE);
  if (!statSync(closed, { throwIfNoEntry: false })) return false;
  const { bytes, modifiedNs, inode } = fingerprint(join(path, DATA_FILE));
  try {
    const then = closedSchema.parse(JSON.parse(readFileSync(closed, 'utf8')));
    return then.bytes === bytes && then.modifiedNs === modifiedNs && then.inode === inode;
  } catch {
    // A mark that cannot be read promises nothing: the store is read through.
    return false;
  }
}

function fingerprint(file: string): z.infer<typeof closedSchema> {
  const { size, mtimeNs, ino } = statSync(file, { bigint: true });
  return { bytes: String(size), modifiedNs: String(mtimeNs), inode: String(ino) };
}
