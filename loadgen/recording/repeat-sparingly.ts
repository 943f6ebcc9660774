/** The share of one core that it may take. */
const MOST_SHARE = 0.01;
/** It is done at least this often, whatever it takes. */
const LONGEST_INTERVAL_MS = 60_000;

/**
 * Does something again and again beside a run, and the more seldom, the more CPU time it takes.
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
      // CPU time, not time by the clock: on a busy host the clock would count others' work.
      const before = process.cpuUsage();
      try {
        act();
      } catch (error) {
        failed(error as Error);
        return;
      }
      const { user, system } = process.cpuUsage(before);
      const cpuMs = (user + system) / 1000;
      wait(Math.min(Math.max(intervalMs, cpuMs / MOST_SHARE), LONGEST_INTERVAL_MS));
    }, ms);
  };
  wait(intervalMs);
  return { stop: () => clearTimeout(timer) };
}
