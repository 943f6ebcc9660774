import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from './home-store.js';

export const OWNER_FILE = 'owner';

/** A process that was told to go, or lost its parent, gives a store back within this time. */
const WAIT_MS = 5000;
const LOOK_EVERY_MS = 20;

/**
 * Takes a folder for this process alone, and waits a moment for one that is about to leave. A process that was killed
 * owns nothing any more.
 * @returns what gives it back
 * @throws StoreError where another process has it
 */
export async function takeOwnership(folder: string): Promise<() => void> {
  const path = join(folder, OWNER_FILE);
  const self = describeProcess(process.pid);
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    try {
      writeFileSync(path, self, { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const pid = Number.parseInt(owner, 10);
    const isLate = performance.now() > deadline;
    // One that names nobody is being written just now, or its process was killed before it could.
    const isStale = owner === '' ? isLate : owner === self || describeProcess(pid) !== owner;
    if (isStale) rmSync(path, { force: true });
    else if (isLate) {
      throw new StoreError(`${folder} is in use by process ${pid}: end that server, or name another folder`);
    } else await sleep(LOOK_EVERY_MS);
  }
}

/** The number of a process and when it started, since numbers are used again. */
function describeProcess(pid: number): string {
  if (process.platform !== 'linux') return isAlive(pid) ? `${pid}\n` : '';
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may hold anything: field 22 of proc(5) is the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return '';
    return `${pid} ${fields[19]}\n`;
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
