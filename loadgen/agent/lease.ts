import { monotonicMs } from '../monotonic-clock.js';
import { isStillSo } from '../still-so.js';

/** The argument of an agent process whose machine is lent: it beats, and goes on only as long as it is told to. */
export const IS_LENT = 'lent';

/** What a machine that is lent tells its agents beside what the coordinator says: go on. */
export interface Renewal {
  kind: 'renew';
}

export const RENEW_EVERY_MS = 500;
/** An agent that was not told for so long stops, so that no load goes on that nobody can end. */
export const LEASE_MS = 4000;
const LOOK_MS = 250;

/** Of an agent process: ends once nobody has renewed it. */
export class Lease {
  #renewedMs = monotonicMs();

  /** @param over called once, with words */
  constructor(over: (words: string) => void) {
    const timer = setInterval(() => {
      // After a busy time the renewals of that time have yet to be read.
      void isStillSo(() => monotonicMs() - this.#renewedMs > LEASE_MS).then((isOver) => {
        if (!isOver) return;
        clearInterval(timer);
        over(`was not told to go on for ${LEASE_MS / 1000} s`);
      });
    }, LOOK_MS);
  }

  renew(): void {
    this.#renewedMs = monotonicMs();
  }
}
