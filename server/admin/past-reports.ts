import type { WorkerReport } from '../processes/worker.js';
import { addCounters, newCounters } from '../queues/counters.js';

/** What is counted from a start on, and so would fall when a process is started again. */
type Sums = Pick<WorkerReport, 'counters'> & {
  /** Of the newest that is dead. */
  pid: number;
  cpuSeconds: number;
  commits: number;
  commitMs: number;
  /** What each queue has served. */
  served: Record<string, number>;
};

/** What processes had counted that are dead, by their number: their successors go on from there. */
export class PastReports {
  readonly #sums = new Map<number, Sums>();

  /** Whether this process is dead, and counted. */
  has({ worker, pid }: WorkerReport['stats']): boolean {
    return this.#sums.get(worker)?.pid === pid;
  }

  /** @param last the newest report of a process that is dead */
  bury({ stats, counters, store, queues }: WorkerReport): void {
    const before = this.#sums.get(stats.worker);
    const served = { ...before?.served };
    for (const [queue, report] of Object.entries(queues))
      served[queue] = (served[queue] ?? 0) + report.served;
    this.#sums.set(stats.worker, {
      pid: stats.pid,
      counters: addCounters([before?.counters ?? newCounters(), counters]),
      cpuSeconds: (before?.cpuSeconds ?? 0) + stats.cpuSeconds,
      commits: (before?.commits ?? 0) + store.commits,
      commitMs: (before?.commitMs ?? 0) + store.commitMs,
      served,
    });
  }

  /** The sums of those whose successors have not reported yet. @param reported the numbers of those that have */
  without(reported: ReadonlySet<number>): Pick<Sums, 'counters' | 'commits' | 'commitMs'>[] {
    return [...this.#sums].filter(([worker]) => !reported.has(worker)).map(([, sums]) => sums);
  }

  /** The report with what the predecessors of its process had counted. */
  addTo(report: WorkerReport): WorkerReport {
    const past = this.#sums.get(report.stats.worker);
    if (!past) return report;
    const { stats, store, counters, queues } = report;
    const sum = {
      ...report,
      stats: { ...stats, cpuSeconds: stats.cpuSeconds + past.cpuSeconds },
      counters: addCounters([past.counters, counters]),
      store: {
        ...store,
        commits: store.commits + past.commits,
        commitMs: store.commitMs + past.commitMs,
      },
      queues: { ...queues },
    };
    for (const [queue, { peak, arrived, served }] of Object.entries(queues) as [
      keyof typeof queues,
      (typeof queues)[keyof typeof queues],
    ][]) {
      // What it had not served waits in the mailboxes of its successor, which counts it again.
      const before = past.served[queue] ?? 0;
      sum.queues[queue] = { peak, arrived: arrived + before, served: served + before };
    }
    return sum;
  }
}
