import { performance } from 'node:perf_hooks';

/**
 * performance.now() counts from the start of the process; hrtime() counts from a point that all processes of
 * a host share (CLOCK_MONOTONIC). Both read the same clock, so the difference never changes.
 */
const offsetMs = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();

/** Milliseconds of CLOCK_MONOTONIC with microsecond fraction, comparable between processes of one host. */
export function monotonicMs(): number {
  return performance.now() + offsetMs;
}
