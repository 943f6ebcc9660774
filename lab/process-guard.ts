import { spawn } from 'node:child_process';

/**
 * The guard's script. It waits for a line on its standard input. If that ends without one, the process at the other end has
 * died: the guard kills the group, and then processes that left it and have the variable.
 */
const SCRIPT = `read -r _ && exit
kill -KILL "-$1"
for each in /proc/[0-9]*; do
  tr '\\0' '\\n' < "$each/environ" | grep -qxF -e "$2" && kill -KILL "\${each#/proc/}"
done`;

/**
 * Sees to it that a group of processes does not outlive this process, even if that is killed with SIGKILL: a shell of one
 * megabyte waits for that.
 * @param group process group, the pid of its leader
 * @param mark variable that all that comes from it has in its environment
 * @param failed told why there is no guard
 */
export function guardGroup(
  group: number,
  mark: { name: string; value: string },
  failed: (reason: string) => void,
): { release(): void } {
  const guard = spawn('/bin/sh', ['-c', SCRIPT, 'c2m-guard', String(group), `${mark.name}=${mark.value}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.once('error', (error) => failed(error.message));
  // The guard itself may have been killed; writing to it then fails, and there is nobody to tell.
  guard.stdin.once('error', (error) => failed(error.message));
  guard.unref();
  return { release: () => guard.stdin.end('released\n') };
}
