import { readFileSync } from 'node:fs';

/** Processes of agents that a process has forked, and that run. */
export function agentProcesses(parent = process.pid): number[] {
  return read(`/proc/${parent}/task/${parent}/children`)
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)
    .filter((pid) => isRunning(pid) && read(`/proc/${pid}/cmdline`).includes('agent-process.js'));
}

/** One that nobody has waited for has ended all the same. */
export function isRunning(pid: number): boolean {
  const state = /^\d+ \(.*\) (\w)/s.exec(read(`/proc/${pid}/stat`))?.[1];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
