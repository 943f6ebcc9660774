import type { Measurement } from '../../record/run.js';
import type { MetricsPage } from '../../scenarios/scenario.js';
import { responseText } from '../response-text.js';
import { inMidSeconds } from './mid-seconds.js';
import { readPrometheusPage } from './prometheus-page.js';

const REQUEST_TIMEOUT_MS = 2000;
/** A page of a large broker has a tenth of it. */
const LONGEST_PAGE = 16 * 2 ** 20;

interface Sum {
  count: number;
  min: number;
  sum: number;
  max: number;
  last: number;
}

/** Reads the page of metrics of the server under test. */
export class MetricsPoller {
  readonly #page: MetricsPage;
  readonly #sums = new Map<string, Sum>();
  /** Since the last `take`. */
  #fresh: Map<string, number> | undefined;
  #isCounting = false;
  #underWay: Promise<void> | undefined;
  #failure: string | undefined;
  #stop: () => void = () => undefined;

  constructor(page: MetricsPage) {
    this.#page = page;
  }

  /** Why the page could not be read the last time, if so. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Reads once a second from now on; what was read before is not of the run. @param startMs monotonic, when that begins */
  start(startMs: number): void {
    this.#isCounting = true;
    this.#stop = inMidSeconds(startMs, () => void this.poll());
  }

  stop(): void {
    this.#stop();
  }

  /** Reads once, or waits for the page that is under way; a failure is remembered, not thrown. */
  poll(): Promise<void> {
    this.#underWay ??= this.#read().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  /** For a line of the timeline; undefined where no page has come since the last call. */
  take(): Record<string, number> | undefined {
    const fresh = this.#fresh;
    this.#fresh = undefined;
    return fresh && Object.fromEntries(fresh);
  }

  /** In the order of the scenario. */
  summary(): NonNullable<Measurement['serverMetrics']> {
    return this.#page.series.map(({ name }) => {
      const sum = this.#sums.get(name);
      if (!sum) return { name, min: null, mean: null, max: null, last: null };
      return { name, min: sum.min, mean: sum.sum / sum.count, max: sum.max, last: sum.last };
    });
  }

  async #read(): Promise<void> {
    try {
      const response = await fetch(this.#page.url, {
        headers: { accept: 'text/plain;version=0.0.4' },
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      this.#receive(readPrometheusPage(await responseText(response, LONGEST_PAGE), this.#page.series));
      this.#failure = undefined;
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      this.#failure = cause?.message ?? message;
    }
  }

  #receive(values: Map<string, number>): void {
    if (!this.#isCounting) return;
    this.#fresh = values;
    for (const [name, value] of values) {
      const before = this.#sums.get(name);
      this.#sums.set(name, {
        count: (before?.count ?? 0) + 1,
        min: Math.min(value, before?.min ?? value),
        sum: value + (before?.sum ?? 0),
        max: Math.max(value, before?.max ?? value),
        last: value,
      });
    }
  }
}
