import { monotonicMs } from '../monotonic-clock.js';

const SECOND_MS = 1000;

/**
 * Acts in the middle of each second of the run: at their ends, where the timeline is written, what comes would fall now on
 * one side and now on the other.
 * @param startMs monotonic, when the run begins
 * @returns stops it
 */
export function inMidSeconds(startMs: number, act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let nextMs = startMs - SECOND_MS / 2;
  const wait = (): void => {
    const nowMs = monotonicMs();
    while (nextMs <= nowMs) nextMs += SECOND_MS;
    timer = setTimeout(() => {
      act();
      wait();
    }, nextMs - nowMs);
  };
  wait();
  return () => clearTimeout(timer);
}
