import { performance } from 'node:perf_hooks';

/**
 * The time, milliseconds since 1970, as it was when the process began and as it has gone on since: somebody who sets the
 * clock ahead does not make anything old.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}
