import { readdirSync, readFileSync } from 'node:fs';

/** Processes below `root`, and itself, from /proc; a process that ends meanwhile is left out. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(statFields(pid)?.[1] ?? Number.NaN);
    const siblings = children.get(parent);
    if (siblings) siblings.push(pid);
    else children.set(parent, [pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Anonymous memory of a process in bytes: what it has for itself; 0 if it is gone. */
export function privateBytes(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB/m.exec(readOrNothing(`/proc/${pid}/status`));
  return Number(match?.[1] ?? 0) * 1024;
}

/** User and system time, in ticks of 10 ms on Linux; 0 if it is gone. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) / 100 : 0;
}

export function commandLine(pid: number): string {
  return readOrNothing(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}

/** What stands behind the name of the program, which may hold spaces and brackets. */
function statFields(pid: number): string[] | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** A process may end between two looks at it. */
function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
