import { readFileSync } from 'node:fs';

/** Descriptors that a worker needs for other things than clients: libraries, the bus, listeners. */
const RESERVED_FILES = 500;

/** Connections that one worker accepts: what is configured (0: nothing is), within the open-file limit. */
export function connectionLimit(configured: number): number {
  const allowed = openFileLimit() - RESERVED_FILES;
  return configured > 0 ? Math.min(configured, allowed) : allowed;
}

function openFileLimit(): number {
  if (process.platform !== 'linux') return 10_240;
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return match?.[1] && match[1] !== 'unlimited' ? Number(match[1]) : 1_048_576;
}
