import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from '../process-tree.js';
import { signal } from './child.js';

const GRACE_MS = 1000;

/**
 * Does `work` in a temporary folder of its own, which all programs that it starts have as theirs too. The folder goes at
 * the end; where the bench is interrupted, the programs go before it.
 */
export async function tidily(work: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-drivers-'));
  process.env.TMPDIR = folder;
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const interrupted = async () => {
    const started = processTree(process.pid).slice(1);
    for (const pid of started) signal(pid, 'SIGTERM');
    await sleep(GRACE_MS);
    // Whoever is below this process still was started by it, whatever its id was before.
    for (const pid of processTree(process.pid).slice(1)) signal(pid, 'SIGKILL');
    remove();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    await work();
  } finally {
    remove();
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}
