import type { Arrivals } from '../agent/arrivals.js';
import { Fifo } from '../fifo.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { HttpOutcome } from './http-client.js';

/** A timer of Node's ends at once where it is set for longer than 24 days; it is set again as often as is needed. */
const LONGEST_TIMER_MS = 60_000;

export interface RequestWorkloadPlan {
  /** Requests under way at one time. */
  connections: number;
  /** How many wait for a connection at most; what falls due beyond is never asked. */
  mostWaiting: number;
  /** Hands one request over before it returns; never rejects. */
  ask(): Promise<HttpOutcome>;
  /** From when a request was due to the last byte of its answer, or to when it was given up. */
  recordLatency(ms: number): void;
  /** How late a request was handed over, once it was due and a connection was free. */
  recordLag(ms: number): void;
}

/** When nothing is under way any more, `due` is the sum of `count`, `failed` and `unsent`. */
export interface RequestCounts {
  due: number;
  /** Answered with a status below 300. */
  count: number;
  /** In the bodies of those answers. */
  bytes: number;
  /** Answered otherwise, too late, or not at all. */
  failed: number;
  /** Never asked: too many waited, or the run ended. */
  unsent: number;
}

interface UnderWay {
  dueMs: number;
}

/**
 * Requests as an open workload: when one is due was fixed before, whatever the server does. One that finds no free
 * connection waits, first come, first served, and its wait counts; a closed loop would ask less just when the server is slow.
 */
export class RequestWorkload {
  readonly counts: RequestCounts = { due: 0, count: 0, bytes: 0, failed: 0, unsent: 0 };
  readonly #arrivals: Arrivals;
  readonly #plan: RequestWorkloadPlan;
  /** Due times of those that wait for a connection: 8 bytes each, `mostWaiting` at most. */
  readonly #waiting = new Fifo<number>();
  /** Since when each free connection has been free, the longest first; one that is in use is not in here. */
  readonly #freeSinceMs = new Fifo<number>();
  readonly #underWay = new Set<UnderWay>();
  #isDraining = false;
  #timer: NodeJS.Timeout | undefined;
  #drained: () => void = () => undefined;

  constructor(arrivals: Arrivals, plan: RequestWorkloadPlan) {
    this.#arrivals = arrivals;
    this.#plan = plan;
    for (let connection = 0; connection < plan.connections; connection += 1) this.#freeSinceMs.push(0);
    this.#setTimer();
  }

  /**
   * Nothing falls due from now on. Ends when nothing is under way; what is not asked within `askForMs` never is.
   * What is under way then still has its time-out.
   */
  async drain(askForMs: number): Promise<void> {
    this.#takeDue();
    this.#isDraining = true;
    clearTimeout(this.#timer);
    const isOver = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.#timer = setTimeout(() => this.#giveUpWaiting(), askForMs);
    this.#tellIfDrained();
    await isOver;
    clearTimeout(this.#timer);
  }

  /** Ends at once: what waits is never asked, and what is under way has failed, after the time that it had by now. */
  cut(): void {
    if (!this.#isDraining) this.#takeDue();
    this.#isDraining = true;
    clearTimeout(this.#timer);
    const now = monotonicMs();
    for (const request of this.#underWay) {
      this.counts.failed += 1;
      this.#plan.recordLatency(now - request.dueMs);
    }
    this.#underWay.clear();
    this.#giveUpWaiting();
  }

  #setTimer(): void {
    const { nextMs } = this.#arrivals;
    if (nextMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(LONGEST_TIMER_MS, nextMs - monotonicMs());
    this.#timer = setTimeout(() => {
      this.#takeDue();
      this.#setTimer();
    }, waitMs);
  }

  #takeDue(): void {
    const now = monotonicMs();
    for (let dueMs = this.#arrivals.take(now); dueMs !== undefined; dueMs = this.#arrivals.take(now)) {
      this.counts.due += 1;
      if (this.#waiting.length < this.#plan.mostWaiting) this.#waiting.push(dueMs);
      else this.counts.unsent += 1;
      this.#askWaiting();
    }
  }

  #askWaiting(): void {
    while (this.#waiting.length > 0 && this.#freeSinceMs.length > 0) {
      const dueMs = this.#waiting.take() as number;
      const freeSinceMs = this.#freeSinceMs.take() as number;
      void this.#ask(dueMs, Math.max(dueMs, freeSinceMs));
    }
  }

  /** @param readyMs when it was due and a connection was free: until then it waited for the server */
  async #ask(dueMs: number, readyMs: number): Promise<void> {
    const request = { dueMs };
    this.#underWay.add(request);
    const answer = this.#plan.ask();
    this.#plan.recordLag(monotonicMs() - readyMs);
    const outcome = await answer;
    // Of what was cut the account is closed.
    if (!this.#underWay.delete(request)) return;
    const now = monotonicMs();
    this.#count(outcome, now - dueMs);
    this.#freeSinceMs.push(now);
    this.#askWaiting();
    this.#tellIfDrained();
  }

  #count(outcome: HttpOutcome, latencyMs: number): void {
    const isDone = outcome.kind === 'answered' && outcome.status < 300;
    if (isDone) {
      this.counts.count += 1;
      this.counts.bytes += outcome.bytes;
    } else this.counts.failed += 1;
    // What is refused at once would make a server look quick; what timed out took at least as long as this.
    if (isDone || outcome.kind === 'timed-out') this.#plan.recordLatency(latencyMs);
  }

  #giveUpWaiting(): void {
    this.counts.unsent += this.#waiting.length;
    while (this.#waiting.length > 0) this.#waiting.take();
    this.#tellIfDrained();
  }

  #tellIfDrained(): void {
    if (this.#isDraining && this.#waiting.length === 0 && this.#underWay.size === 0) this.#drained();
  }
}
