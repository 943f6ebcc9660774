import { readProcesses, treeOf } from '../loadgen/process-table.js';

/**
 * Signals a process, or with a negative number a whole group.
 * @returns false where there is none any more, or it has become somebody else's, as a program of another user can
 */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Signals a process and all that came from it, parents before their children: nobody is left who would start them again. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  const tree = treeOf(new Set([pid]), readProcesses());
  for (const each of tree) sendSignal(each.pid, signal);
  // Without /proc nothing is known of its children.
  if (tree.length === 0) sendSignal(pid, signal);
}
