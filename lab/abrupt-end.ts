import { rmSync } from 'node:fs';
import { readProcesses, treeOf } from '../loadgen/process-table.js';
import { sendSignal } from './send-signal.js';

/**
 * What is done where this process ends without having come to its own end: a second Ctrl-C, an error that nobody
 * caught. By then nothing can be waited for.
 */

/** Ends every process that this one has started, and those that they have, unless `release` was called before. */
export function endChildrenAtAbruptEnd(): { release(): void } {
  return atAbruptEnd(() => {
    // Parents are killed before their children, or they would start the children again.
    const descendants = treeOf(new Set([process.pid]), readProcesses()).slice(1);
    for (const { pid } of descendants) sendSignal(pid, 'SIGKILL');
  });
}

/** Deletes the folder, unless `release` was called before. To be registered after what ends the processes that write into it. */
export function removeAtAbruptEnd(folder: string): { release(): void } {
  return atAbruptEnd(() => {
    // A process that was killed a moment ago may have made one more file.
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  });
}

/** Does it unless `release` was called before. */
export function atAbruptEnd(act: () => void): { release(): void } {
  process.on('exit', act);
  return { release: () => process.off('exit', act) };
}
