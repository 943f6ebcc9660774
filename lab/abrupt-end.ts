import { readdirSync, readFileSync, rmSync } from 'node:fs';

/**
 * What is done where this process ends without having come to its own end: a second Ctrl-C, an error that nobody
 * caught. By then nothing can be waited for.
 */

/** Ends every process that this one has started, and those that they have, unless `release` was called before. */
export function endChildrenAtAbruptEnd(): { release(): void } {
  return atAbruptEnd(() => {
    for (const pid of descendantsOf(process.pid)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // It has ended by itself meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  });
}

/** Deletes the folder, unless `release` was called before. Registered after whoever ends those that write into it. */
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

/** Parents come before their children, so that nobody is left who would start them again. Linux; elsewhere none. */
function descendantsOf(pid: number): number[] {
  const children = childrenByParent();
  const found: number[] = [];
  const open = [pid];
  for (let parent = open.shift(); parent !== undefined; parent = open.shift()) {
    found.push(...(children.get(parent) ?? []));
    open.push(...(children.get(parent) ?? []));
  }
  return found;
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const entry of listProcesses()) {
    const parent = parentOf(entry);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  return children;
}

function listProcesses(): string[] {
  try {
    return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  } catch {
    // No Linux: children end when their channel to this process closes.
    return [];
  }
}

function parentOf(pid: string): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold spaces and parentheses itself.
    return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    // It ended while we looked.
    return undefined;
  }
}
