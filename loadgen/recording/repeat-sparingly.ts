import { monotonicMs } from '../monotonic-clock.js';

/** Of the time of a run, what is repeated beside its work may take. */
const MOST_SHARE = 0.005;

/**
 * Does something again and again beside a run, and the more seldom, the longer it takes.
 * @param intervalMs between two times, at least
 * @param failed told what it threw; it is not done again after that
 */
export function repeatSparingly(
  act: () => void,
  intervalMs: number,
  failed: (error: Error) => void,
): { stop(): void } {
  let timer: NodeJS.Timeout;
  const wait = (ms: number): void => {
    timer = setTimeout(() => {
      const startMs = monotonicMs();
      try {
        act();
        wait(Math.max(intervalMs, (monotonicMs() - startMs) / MOST_SHARE));
      } catch (error) {
        failed(error as Error);
      }
    }, ms);
  };
  wait(intervalMs);
  return { stop: () => clearTimeout(timer) };
}
