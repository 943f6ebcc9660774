import { performance } from 'node:perf_hooks';

/**
 * performance.now() counts from the start of the process; hrtime() counts from a point that all processes of
 * a host share (CLOCK_MONOTONIC). Both read the same clock, so the difference never changes.
 */
const offsetMs = readOffset();

/** Milliseconds of CLOCK_MONOTONIC with microsecond fraction, comparable between processes of one host. */
export function monotonicMs(): number {
  return performance.now() + offsetMs;
}

/** By the readings closest to each other: a process that is kept waiting between two of them would be off by as much. */
function readOffset(): number {
  let closestMs = Number.POSITIVE_INFINITY;
  let offset = 0;
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const beforeMs = hrtimeMs();
    const now = performance.now();
    const tookMs = hrtimeMs() - beforeMs;
    if (tookMs >= closestMs) continue;
    closestMs = tookMs;
    offset = beforeMs + tookMs / 2 - now;
  }
  return offset;
}

function hrtimeMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
