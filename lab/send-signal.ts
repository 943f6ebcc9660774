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
