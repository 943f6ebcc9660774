/** Of one core, what is done beside a run that is measured may take. */
const MOST_SHARE = 0.01;
const SHORTEST_MS = 500;
/** However long it takes. */
const LONGEST_MS = 30_000;

export interface Sparing {
  /** It is wanted: now, or once what was done before has been paid for. */
  ask(): void;
  /**
   * It is wanted at once, by several at a time too: done now, once for all of them, where what was done before has been paid
   * for. Else what came of that has to do.
   * @returns true: it was done
   */
  now(): Promise<boolean>;
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
  let underWay: Promise<void> | undefined;
  let isStopped = false;
  let notBeforeMs = 0;
  const once = async (): Promise<void> => {
    await prepare();
    if (isStopped) return;
    // By the clock it would be what a busy host has made of it.
    const before = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(before);
    const restMs = Math.min(Math.max(SHORTEST_MS, (user + system) / 1000 / MOST_SHARE), LONGEST_MS);
    notBeforeMs = performance.now() + restMs;
  };
  const go = (): Promise<void> => {
    clearTimeout(timer);
    underWay ??= once()
      .catch((error: Error) => {
        stop();
        failed(error);
      })
      .finally(() => {
        [underWay, timer] = [undefined, undefined];
      });
    return underWay;
  };
  const stop = (): void => {
    isStopped = true;
    clearTimeout(timer);
  };
  return {
    ask: () => {
      if (timer !== undefined || underWay || isStopped) return;
      timer = setTimeout(go, Math.max(0, notBeforeMs - performance.now())).unref();
    },
    now: async () => {
      if (isStopped || (underWay === undefined && performance.now() < notBeforeMs)) return false;
      await go();
      return !isStopped;
    },
    stop,
  };
}
