import { spawn } from 'node:child_process';

/** Waits for a word. Where its standard input ends without one, whoever held that has died: the group goes as well. */
const SCRIPT = 'read -r _ || kill -KILL "-$1"';

/**
 * Sees to it that a group of processes does not outlive this process, even if that is killed with SIGKILL: a shell of one
 * megabyte waits for that.
 * @param group process group, the pid of its leader
 * @param failed told why there is no guard
 */
export function guardGroup(group: number, failed: (reason: string) => void): { release(): void } {
  const guard = spawn('/bin/sh', ['-c', SCRIPT, 'c2m-guard', String(group)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.once('error', (error) => failed(error.message));
  // It may have been killed itself; then there is nobody to tell.
  guard.stdin.once('error', (error) => failed(error.message));
  guard.unref();
  return { release: () => guard.stdin.end('released\n') };
}
