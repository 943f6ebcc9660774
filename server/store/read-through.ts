import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtEntry } from '../../entries.js';
import { isAsClosed } from './home-folder.js';
import { damagedStore, StoreError } from './home-store.js';
import { DATA_FILE } from './lmdb-store.js';

/** The words of store-trial.ts on standard error, among those of LMDB. */
const DAMAGED = /^C2M_DAMAGED (.*)$/m;
const UNREADABLE = /^C2M_UNREADABLE (.*)$/m;

/** How a process ends that came across a damaged page in memory-mapped pages. */
const ENDS_OF_DAMAGE = new Set(['SIGBUS', 'SIGSEGV', 'SIGABRT', 'SIGILL', 'SIGTRAP', 'SIGFPE']);

/** Whoever waits longer is told why. */
const LONG_MS = 2000;

const MIB = 2 ** 20;

/**
 * Reads the stores of homes through from the first entry to the last, but for those that were closed in order and have
 * not changed since.
 * @param say told where it takes long
 * @throws StoreError where one of them is damaged
 */
export async function readThroughHomes(
  paths: string[],
  format: number,
  say: (line: string) => void,
): Promise<void> {
  const doubtful = paths.filter((path) => !isAsClosed(path));
  const bytes = doubtful.reduce((sum, path) => sum + statSync(join(path, DATA_FILE)).size, 0);
  const startedMs = performance.now();
  const words = `${Math.ceil(bytes / MIB)} MiB of mailboxes, because they were not closed in order the last time`;
  const timer = setTimeout(() => say(`reading through ${words}`), LONG_MS);
  try {
    const waiting = [...doubtful];
    const readers = Array.from({ length: availableParallelism() }, async () => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift())
        await readThrough(path, format);
    });
    await Promise.all(readers);
  } finally {
    clearTimeout(timer);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  if (seconds > LONG_MS / 1000) say(`read through ${words}: ${seconds.toFixed(1)} s, all of it whole`);
}

/** In a process of its own: LMDB trusts what it maps, and ends the process that comes across a damaged page. */
async function readThrough(path: string, format: number): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [builtEntry('storeTrial'), path, String(format)]);
  } catch (error) {
    throw whatWasWrong(path, error as Error & { stderr?: string; signal?: NodeJS.Signals });
  }
}

function whatWasWrong(
  path: string,
  { message, stderr = '', signal }: Error & { stderr?: string; signal?: NodeJS.Signals },
): StoreError {
  const damage = DAMAGED.exec(stderr)?.[1];
  if (damage !== undefined) return damagedStore(`${path} is damaged: ${damage}`);
  if (signal && ENDS_OF_DAMAGE.has(signal)) {
    return damagedStore(`${path} is damaged: LMDB cannot read it (${signal})`);
  }
  const reason = UNREADABLE.exec(stderr)?.[1] ?? (signal ? `its reader was ended by ${signal}` : message);
  return new StoreError(
    `${path} could not be read through, so it is not known to be whole: ${reason.split('\n')[0]}; nothing was changed: try again`,
  );
}
