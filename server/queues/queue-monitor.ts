import type { QueueAlert, QueueSample } from '../../protocol/stats.js';

/** Samples a second: the design asks for four at least. */
export const SAMPLE_INTERVAL_MS = 250;
const KEPT_SAMPLES = 40;
const KEPT_ALERTS = 1000;
/** An alert clears below this share of its threshold, so that a queue at the threshold does not flicker. */
const CLEAR_SHARE = 0.5;

/**
 * Remembers the lengths of queues, and raises an alert when one grows past its threshold.
 * Names are free; thresholds are looked up by what stands before `#`.
 */
export class QueueMonitor {
  readonly #thresholds: Record<string, number>;
  readonly #onAlert: (alert: QueueAlert) => void;
  readonly #samples: QueueSample[] = [];
  readonly #alerts: QueueAlert[] = [];
  readonly #standing = new Map<string, QueueAlert>();
  readonly #highest = new Map<string, number>();
  #sequence = 0;

  /** @param onAlert called when an alert is raised, and again with the same object when it clears */
  constructor(thresholds: Record<string, number>, onAlert: (alert: QueueAlert) => void) {
    this.#thresholds = thresholds;
    this.#onAlert = onAlert;
  }

  get samples(): QueueSample[] {
    return this.#samples;
  }

  get alerts(): QueueAlert[] {
    return this.#alerts;
  }

  /** Highest length and threshold by queue. */
  summary(): Record<string, { max: number; threshold: number }> {
    const summary: Record<string, { max: number; threshold: number }> = {};
    for (const [name, max] of this.#highest) summary[name] = { max, threshold: this.#thresholdOf(name) };
    return summary;
  }

  /**
   * @param atMs wall clock
   * @param flow who has reported since the last call, and what was counted
   */
  record(
    atMs: number,
    queues: ReadonlyMap<string, number>,
    flow: Pick<QueueSample, 'reports' | 'counts'> = {},
  ): void {
    this.#sequence += 1;
    // A hundred workers have hundreds of queues, nearly all of them empty.
    const filled = [...queues].filter(([, length]) => length > 0);
    this.#samples.push({ atMs, sequence: this.#sequence, queues: Object.fromEntries(filled), ...flow });
    if (this.#samples.length > KEPT_SAMPLES) this.#samples.shift();
    for (const [name, length] of queues) {
      this.#highest.set(name, Math.max(length, this.#highest.get(name) ?? 0));
      this.#judge(name, length, atMs);
    }
  }

  #judge(name: string, length: number, atMs: number): void {
    const threshold = this.#thresholdOf(name);
    const standing = this.#standing.get(name);
    if (standing) {
      standing.peak = Math.max(standing.peak, length);
      if (length < threshold * CLEAR_SHARE) {
        standing.clearedAtMs = atMs;
        this.#standing.delete(name);
        this.#onAlert(standing);
      }
    } else if (length > threshold) {
      const alert: QueueAlert = { queue: name, raisedAtMs: atMs, clearedAtMs: null, threshold, peak: length };
      this.#standing.set(name, alert);
      this.#alerts.push(alert);
      if (this.#alerts.length > KEPT_ALERTS) this.#alerts.shift();
      this.#onAlert(alert);
    }
  }

  #thresholdOf(name: string): number {
    return this.#thresholds[name.split('#', 1)[0] ?? name] ?? Number.POSITIVE_INFINITY;
  }
}
