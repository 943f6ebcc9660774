import { performance } from 'node:perf_hooks';

/** Time and what is done later, so that a simulation can have a time of its own. */
export interface Scheduler {
  /** Milliseconds that only rise, from any start. */
  now(): number;
  /** @returns what takes it back; harmless once it has run */
  after(delayMs: number, run: () => void): () => void;
}

export const realScheduler: Scheduler = {
  now: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
