import { ReasonCode } from '../../protocol/frame.js';
import type { Limits } from '../config.js';
import { QueueGauge } from '../queues/queue-gauge.js';
import { RateLimit } from '../queues/rate-limit.js';

/** What one worker takes on: logins a second, messages a second of one user, and messages in hand. */
export class Admission {
  /** SENDs that the homes have not answered. */
  readonly sendsUnderWay = new QueueGauge();
  readonly #limits: Limits;
  /** Rate limits by user, not by connection: logging in again gives nobody a new allowance. */
  readonly #sendLimits = new Map<number, RateLimit>();
  #loginsThisSecond = 0;
  /**
   * The time of this turn; 0: not read yet. Read once a turn, because reading it for each message would double the cost
   * of the check.
   */
  #nowMs = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Whether there is no room for another login; half of what is in hand is kept for those who are in.
   * @param waiting logins that their homes have not answered
   */
  refusesLogins(waiting: number): boolean {
    const { loginsPerSecond, loginsUnderWay, sendsUnderWay } = this.#limits;
    return (
      (loginsPerSecond > 0 && this.#loginsThisSecond >= loginsPerSecond) ||
      waiting >= loginsUnderWay ||
      this.sendsUnderWay.length * 2 >= sendsUnderWay
    );
  }

  countLogin(): void {
    this.#loginsThisSecond += 1;
  }

  /** Hot path. Why this SEND is refused, or undefined. @param cost in SENDs: a GROUP is as many as it has members */
  refuseSend(user: number, cost: number): ReasonCode | undefined {
    const { sendsPerSecond, sendsUnderWay } = this.#limits;
    if (this.sendsUnderWay.length >= sendsUnderWay) return ReasonCode.Shedding;
    if (sendsPerSecond === 0) return undefined;
    const now = this.#turnMs();
    let limit = this.#sendLimits.get(user);
    if (!limit) {
      limit = new RateLimit(sendsPerSecond, now);
      this.#sendLimits.set(user, limit);
    }
    return limit.admits(now, cost) ? undefined : ReasonCode.RateLimited;
  }

  /** Once a second: counts start anew, and users who send slowly are forgotten. */
  startSecond(): void {
    this.#loginsThisSecond = 0;
    const now = performance.now();
    for (const [user, limit] of this.#sendLimits) if (limit.isFull(now)) this.#sendLimits.delete(user);
  }

  #turnMs(): number {
    if (this.#nowMs === 0) {
      this.#nowMs = performance.now();
      setImmediate(this.#endTurn);
    }
    return this.#nowMs;
  }

  readonly #endTurn = (): void => {
    this.#nowMs = 0;
  };
}
