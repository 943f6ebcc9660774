import type { ClockReport, HostClock } from '../coordinator.js';

/** One question for the time of a host, and its answer: monotonic milliseconds, those between by the other clock. */
export interface ClockRound {
  askedMs: number;
  hostMs: number;
  answeredMs: number;
}

/**
 * The offset by the round that was over first: the host read its clock at some moment in it, and whichever that was, it is
 * at most half of the round from its middle.
 * @param rounds at least one
 */
export function clockOf(rounds: readonly ClockRound[]): HostClock {
  const { askedMs, hostMs, answeredMs } = rounds.reduce((least, round) =>
    roundTripOf(round) < roundTripOf(least) ? round : least,
  );
  return { offsetMs: hostMs - (askedMs + answeredMs) / 2, uncertaintyMs: (answeredMs - askedMs) / 2 };
}

function roundTripOf({ askedMs, answeredMs }: ClockRound): number {
  return answeredMs - askedMs;
}

/** Asks a host for its time. Rejects where it does not answer. */
export type AskTime = () => Promise<number>;

/** Before a run, and afterwards, where what counts is drift. */
const FIRST_ROUNDS = 8;
const LATER_ROUNDS = 4;

/**
 * How far the clock of a host is from that of the coordinator. Times are converted by what was measured first, so that a
 * time which goes there and comes back is the same, and seconds stay as long as they are; drift is reported beside it.
 */
export class ClockOffset {
  readonly first: HostClock;
  readonly #ask: AskTime;
  readonly #nowMs: () => number;
  #last: HostClock;
  #uncertaintyMs: number;
  #isMeasuredAgain = false;
  #measuring: Promise<void> | undefined;

  private constructor(ask: AskTime, nowMs: () => number, first: HostClock) {
    this.#ask = ask;
    this.#nowMs = nowMs;
    this.first = first;
    this.#last = first;
    this.#uncertaintyMs = first.uncertaintyMs;
  }

  /** @throws what `ask` rejects with, where not one round came to its end */
  static async measure(ask: AskTime, nowMs: () => number): Promise<ClockOffset> {
    return new ClockOffset(ask, nowMs, await measure(ask, nowMs, FIRST_ROUNDS));
  }

  get roundTripMs(): number {
    return 2 * this.#uncertaintyMs;
  }

  /** Resolves when it has been measured once more, or could not be. A call while it is measured waits for that one. */
  async again(): Promise<void> {
    this.#measuring ??= this.#again().finally(() => {
      this.#measuring = undefined;
    });
    await this.#measuring;
  }

  toHost(ms: number): number {
    return ms + this.first.offsetMs;
  }

  fromHost(ms: number): number {
    return ms - this.first.offsetMs;
  }

  /** @param host its id */
  report(host: string): ClockReport {
    return {
      host,
      first: this.first,
      last: this.#last,
      driftMs: this.#isMeasuredAgain ? this.#last.offsetMs - this.first.offsetMs : null,
      uncertaintyMs: this.#uncertaintyMs,
    };
  }

  async #again(): Promise<void> {
    try {
      this.#last = await measure(this.#ask, this.#nowMs, LATER_ROUNDS);
    } catch {
      // Whether the host is still there is noticed by its silence; what was measured before stands.
      return;
    }
    this.#isMeasuredAgain = true;
    this.#uncertaintyMs = Math.max(this.#uncertaintyMs, this.#last.uncertaintyMs);
  }
}

/** Rounds one after the other; one that is not answered ends them. */
async function measure(ask: AskTime, nowMs: () => number, wanted: number): Promise<HostClock> {
  const rounds: ClockRound[] = [];
  while (rounds.length < wanted) {
    const askedMs = nowMs();
    try {
      const hostMs = await ask();
      rounds.push({ askedMs, hostMs, answeredMs: nowMs() });
    } catch (error) {
      if (rounds.length === 0) throw error;
      break;
    }
  }
  return clockOf(rounds);
}
