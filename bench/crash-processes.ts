import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 5;

/** A process by its number and its start time, since numbers are used again. */
export interface ProcessName {
  pid: number;
  startTime: string;
  parent: number;
}

/** All processes that descend from `ancestor`, parents before their children. Linux only. */
export function descendantsOf(ancestor: number): ProcessName[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => describe(Number(name)))
    .filter((each) => each !== undefined);
  const found: ProcessName[] = [];
  for (let parents = [ancestor]; parents.length > 0; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map(({ pid }) => pid);
  }
  return found;
}

/** With the signal that nothing can catch; parents first, so that none starts a child again. */
export function killAll(processes: readonly ProcessName[]): void {
  for (const each of processes) {
    if (!isAlive(each)) continue;
    try {
      process.kill(each.pid, 'SIGKILL');
    } catch {
      // It has ended in between.
    }
  }
}

/** @returns those that are still there after `withinMs` */
export async function waitForEnd(
  processes: readonly ProcessName[],
  withinMs: number,
): Promise<ProcessName[]> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const alive = processes.filter(isAlive);
    if (alive.length === 0 || performance.now() > deadlineMs) return alive;
    await sleep(LOOK_EVERY_MS);
  }
}

export function isAlive({ pid, startTime }: ProcessName): boolean {
  return describe(pid)?.startTime === startTime;
}

/** Undefined: there is none, or it has ended and nobody has asked how. */
function describe(pid: number): ProcessName | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may hold anything: the state, the parent, and the start time as field 22 of proc(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { pid, parent: Number(fields[1]), startTime: fields[19] as string };
  } catch {
    return undefined;
  }
}
