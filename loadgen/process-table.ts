import { readdirSync, readFileSync } from 'node:fs';

/** A process as the kernel has it, from /proc. Times are in ticks of 10 ms. */
export interface ProcessFacts {
  pid: number;
  parent: number;
  session: number;
  /** It has ended, and nobody has asked how. */
  isZombie: boolean;
  /** Of all its threads. */
  ticks: number;
  /** Of children that have ended and that it has asked about, and of theirs. */
  reapedTicks: number;
  threads: number;
  /** When it began, in ticks since the host did: pids are used again. */
  startTicks: number;
}

/** Undefined: it is not there any more. */
export function readProcess(pid: number): ProcessFacts | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name, in parentheses, may hold spaces and parentheses itself. Fields as in proc_pid_stat(5), from the third on.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    pid,
    parent: field(4),
    session: field(6),
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    ticks: field(14) + field(15),
    reapedTicks: field(16) + field(17),
    threads: field(20),
    startTicks: field(22),
  };
}

/** All processes of the host. Linux; elsewhere none. */
export function readProcesses(): ProcessFacts[] {
  return listPids().flatMap((pid) => readProcess(pid) ?? []);
}

/**
 * Processes and all that came from them, parents before their children.
 * @param session all that are in it come from the roots as well, also where their parents have ended
 */
export function treeOf(
  roots: ReadonlySet<number>,
  processes: readonly ProcessFacts[],
  session?: number,
): ProcessFacts[] {
  const children = new Map<number, ProcessFacts[]>();
  for (const each of processes) {
    const siblings = children.get(each.parent);
    if (siblings) siblings.push(each);
    else children.set(each.parent, [each]);
  }
  const tree = new Set(processes.filter((each) => roots.has(each.pid) || each.session === session));
  // What is added to a set while it is walked through is walked through as well.
  for (const { pid } of tree) for (const child of children.get(pid) ?? []) tree.add(child);
  return [...tree];
}

function listPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Those whose environment had this value when they began, of this user; they inherit it even where they leave session and parent. */
export function processesWithVariable(
  name: string,
  value: string,
  processes: readonly ProcessFacts[],
): ProcessFacts[] {
  const variable = Buffer.from(`${name}=${value}`).toString('latin1');
  return processes.filter(({ pid }) => readOrNothing(`/proc/${pid}/environ`)?.split('\0').includes(variable));
}

/** Text of a file of /proc; undefined where the process has ended, or may not be looked at. */
export function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return undefined;
    throw error;
  }
}
