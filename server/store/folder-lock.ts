import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadPart, MissingPartError } from '../../native/native-part.js';
import { StoreError } from './home-store.js';

/** The file in a folder whose lock is the ownership of the folder. It stays there: deleting it would open a race. */
export const OWNER_FILE = 'owner';

/** A process that was told to go, or lost its parent, gives a folder back within this time. */
const WAIT_MS = 5000;
const LOOK_EVERY_MS = 20;

/** flock(2) of every system that has it. */
const LOCK_EX = 2;
const LOCK_NB = 4;
const OWNER_BYTES = 256;

/** Held until it is released or the process ends, however it ends. */
export interface HeldLock {
  readonly descriptor: number;
  release(): void;
}

/**
 * Takes a folder for this process alone, and waits a moment for one that is about to leave. The lock is the kernel's:
 * it ends with the process, is seen from every container that shares the folder, and two that start at once cannot both
 * have it.
 * @throws StoreError where another process has it
 */
export async function lockFolder(folder: string): Promise<HeldLock> {
  const path = join(folder, OWNER_FILE);
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const lock = await tryLock(path, constants.O_CREAT);
    if (lock) {
      nameOwner(lock.descriptor);
      return lock;
    }
    if (performance.now() > deadline) {
      throw new StoreError(
        `${folder} is in use by ${ownerOf(path)}: end that server, or name another folder`,
      );
    }
    await sleep(LOOK_EVERY_MS);
  }
}

/**
 * Locks a file without waiting; undefined where another process has it, or the file went away meanwhile.
 * @param flags O_CREAT to make it where it is missing
 * @throws the system's error where it cannot be opened, StoreError where its file system has no locks, MissingPartError
 */
export async function tryLock(path: string, flags = 0): Promise<HeldLock | undefined> {
  const flock = loadFlock();
  // Neither a link nor a pipe that somebody laid there is followed or waited for. Node closes it in child processes.
  const safely = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const descriptor = openSync(path, safely | flags, 0o600);
  try {
    if (flock(descriptor, path) && isStillAt(descriptor, path)) {
      let isHeld = true;
      const release = () => {
        if (isHeld) closeSync(descriptor);
        isHeld = false;
      };
      return { descriptor, release };
    }
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  closeSync(descriptor);
  return undefined;
}

/** A file that was deleted while we waited can be locked, and protects nothing. */
function isStillAt(descriptor: number, path: string): boolean {
  const held = fstatSync(descriptor);
  const there = statSync(path, { throwIfNoEntry: false });
  return there?.ino === held.ino && there.dev === held.dev;
}

/** What an error message tells of the owner; the lock itself needs none of it. */
function nameOwner(descriptor: number): void {
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid} ${hostname()}\n`, 0);
}

function ownerOf(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const bytes = Buffer.alloc(OWNER_BYTES);
    const length = readSync(descriptor, bytes, 0, OWNER_BYTES, 0);
    const [, pid, host] = /^(\d+) (\S+)\n/.exec(bytes.toString('utf8', 0, length)) ?? [];
    if (pid === undefined) return 'another process';
    return host === hostname() ? `process ${pid}` : `process ${pid} of ${host}`;
  } finally {
    closeSync(descriptor);
  }
}

/** Whether folders can be locked here: that takes a part which may be missing. */
export function hasLocks(): boolean {
  try {
    loadFlock();
    return true;
  } catch (error) {
    if (error instanceof MissingPartError) return false;
    throw error;
  }
}

/** True where it is ours now, false where another process has it. */
type Flock = (descriptor: number, path: string) => boolean;

let loaded: Flock | undefined;

/** Loaded with the first lock, so that whoever keeps nothing on disk needs no FFI. */
function loadFlock(): Flock {
  loaded ??= makeFlock();
  return loaded;
}

function makeFlock(): Flock {
  const koffi = loadPart('koffi');
  // Of the process itself: its C library, whatever its name is here.
  const flock = koffi.load(null).func('int flock(int descriptor, int operation)');
  return (descriptor, path) => {
    for (;;) {
      if (flock(descriptor, LOCK_EX | LOCK_NB) === 0) return true;
      const errno = koffi.errno();
      if (errno === koffi.os.errno.EAGAIN) return false;
      if (errno === koffi.os.errno.EINTR) continue;
      throw new StoreError(
        `${path} cannot be locked (flock: errno ${errno}), so nothing keeps two servers from one folder; name a folder on another file system`,
      );
    }
  };
}
