/** Of one core, what is done beside a run that is measured may take. */
const MOST_SHARE = 0.01;
const SHORTEST_MS = 500;
/** However long it takes. */
const LONGEST_MS = 30_000;

export interface Sparing {
  /** It is wanted: now, or once what was done before has been paid for. */
  ask(): void;
  stop(): void;
}

/**
 * Does something once for all that was asked for meanwhile, and the more seldom, the more CPU time it takes.
 * @param prepare what it waits for
 * @param failed told what it threw; it is not done again after that
 */
export function sparingly(
  prepare: () => Promise<void>,
  act: () => void,
  failed: (error: Error) => void,
): Sparing {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let notBeforeMs = 0;
  const go = async (): Promise<void> => {
    await prepare();
    if (isStopped) return;
    // By the clock it would be what a busy host has made of it.
    const before = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(before);
    const restMs = Math.min(Math.max(SHORTEST_MS, (user + system) / 1000 / MOST_SHARE), LONGEST_MS);
    notBeforeMs = performance.now() + restMs;
    timer = undefined;
  };
  const stop = (): void => {
    isStopped = true;
    clearTimeout(timer);
  };
  return {
    ask: () => {
      if (timer !== undefined || isStopped) return;
      const begin = (): void => {
        go().catch((error: Error) => {
          stop();
          failed(error);
        });
      };
      timer = setTimeout(begin, Math.max(0, notBeforeMs - performance.now())).unref();
    },
    stop,
  };
}
