import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BALLAST } from './mailbox-attacks.js';

const BALLAST_SHARE = 0.25;

export interface ScratchFolder {
  path: string;
  remove(): void;
}

/**
 * A folder for one flood. With `diskBytes` it is a disk of its own, a quarter of it taken by a file that may be removed.
 * It goes with this process at the latest.
 */
export function makeScratchFolder(diskBytes: number | undefined): ScratchFolder {
  const outer = mkdtempSync(join(tmpdir(), 'c2m-abuse-'));
  const path = diskBytes === undefined ? outer : join(outer, 'disk');
  let isMounted = false;
  const remove = () => {
    process.off('exit', remove);
    // Lazily: a process that was just ended may hold it for a moment.
    if (isMounted) execFileSync('umount', ['-l', path]);
    isMounted = false;
    rmSync(outer, { recursive: true, force: true });
  };
  process.on('exit', remove);
  if (diskBytes === undefined) return { path, remove };
  try {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=700`, 'c2m-abuse', path]);
    isMounted = true;
    writeFileSync(join(path, BALLAST), Buffer.alloc(diskBytes * BALLAST_SHARE));
  } catch (error) {
    remove();
    throw error;
  }
  return { path, remove };
}

/** A disk of its own can only be had by root, and where mounting is allowed. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    makeScratchFolder(2 ** 20).remove();
    return true;
  } catch {
    return false;
  }
}
