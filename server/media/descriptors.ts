import { readFileSync } from 'node:fs';

/** A connection, the file that it writes, and the one that is looked at. */
const FOR_A_CONNECTION = 3;
/** The process itself, its channel, and the files that many requests at once look at. */
const FOR_THE_REST = 64;

/** How many connections the limit of open files of this process leaves room for. */
export function connectionsThatFit(openFiles = openFilesLimit()): number {
  return Math.max(1, Math.floor((openFiles - FOR_THE_REST) / FOR_A_CONNECTION));
}

/** Infinity where the system does not tell. */
function openFilesLimit(): number {
  let limits = '';
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    // Only Linux has this file.
  }
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}
