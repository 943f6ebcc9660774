import type { HrTime } from '@opentelemetry/api';

/** @param ms since 1970. As a number, the SDK would take a time from before this process began for one of its own clock. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
