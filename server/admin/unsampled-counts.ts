import type { QueueSample, WorkerStats } from '../../protocol/stats.js';

type Flow = Required<Pick<QueueSample, 'reports' | 'counts'>>;

/**
 * What came into the queues and went out since the last sample. A hundred processes have hundreds of queues, most of
 * which nothing went through: only what has changed is kept.
 */
export class UnsampledCounts {
  readonly #known = new Map<string, [arrived: number, served: number]>();
  #reports: Flow['reports'] = {};
  #counts: Flow['counts'] = {};

  /** A process has reported; what it counted is added next. */
  reported({ worker, atMs }: WorkerStats): void {
    if (atMs !== undefined) this.#reports[worker] = atMs;
  }

  add(queue: string, arrived: number, served: number): void {
    const known = this.#known.get(queue);
    if (known && known[0] === arrived && known[1] === served) return;
    const counts: [number, number] = [arrived, served];
    this.#known.set(queue, counts);
    this.#counts[queue] = counts;
  }

  /** What the next sample tells. */
  take(): Flow {
    const flow = { reports: this.#reports, counts: this.#counts };
    this.#reports = {};
    this.#counts = {};
    return flow;
  }
}
