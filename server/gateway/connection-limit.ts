import { readFileSync } from 'node:fs';
import { ConfigError } from '../config-error.js';

/** Descriptors that a worker needs for other things than clients: libraries, the bus, listeners, and last words. */
const RESERVED_FILES = 500;

/**
 * Connections that one worker accepts: what is configured, or (0) what its open-file limit leaves.
 * @throws ConfigError where the open-file limit leaves less than that, or nothing
 */
export function connectionLimit(configured: number, openFiles = openFileLimit()): number {
  const left = openFiles - RESERVED_FILES;
  if (left <= 0 || configured > left) {
    const wanted = Math.max(1, configured) + RESERVED_FILES;
    const problem = configured > 0 ? `${configured} do not fit` : 'there is no room for any in';
    const orLess = left > 0 ? `, or set at most ${left}` : '';
    throw new ConfigError(
      `limits.connectionsPerWorker: ${problem} a limit of ${openFiles} open files, of which ${RESERVED_FILES} are ` +
        `kept for other things; raise it to at least ${wanted} (ulimit -n, or LimitNOFILE= of systemd)${orLess}`,
    );
  }
  return configured > 0 ? configured : left;
}

function openFileLimit(): number {
  if (process.platform !== 'linux') return 10_240;
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return match?.[1] && match[1] !== 'unlimited' ? Number(match[1]) : 1_048_576;
}
