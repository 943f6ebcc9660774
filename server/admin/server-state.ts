import type { Logger } from 'pino';
import type {
  HandlerStats,
  MediaStats,
  QueueAlert,
  ServerStats,
  StoreStats,
  WorkerRestart,
} from '../../protocol/stats.js';
import type { ServerConfig } from '../config.js';
import type { WorkerReport } from '../processes/worker.js';
import { addCounters } from '../queues/counters.js';
import { QueueMonitor } from '../queues/queue-monitor.js';
import { ClusterState } from './cluster-state.js';
import { PastReports } from './past-reports.js';
import { UnsampledCounts } from './unsampled-counts.js';

const KEPT_REJECTIONS = 100;

/** The newest report of every worker, and the queues over time: what the admin port shows. */
export class ServerState {
  readonly #version: string;
  readonly #store: StoreStats['kind'];
  readonly #startedAtMs = Date.now();
  readonly #reports = new Map<number, WorkerReport>();
  /** Where media are kept, and what is the matter there. */
  media: { readonly stats: MediaStats; readonly problem: string | null } | undefined;
  /** What is the matter with a process, by its number. */
  readonly #problems = new Map<number, string>();
  /** Null where it stands alone. */
  readonly cluster: ClusterState | null;
  readonly #past = new PastReports();
  readonly #monitor: QueueMonitor;
  readonly #workers: number;
  readonly #restarts: WorkerRestart[] = [];
  #handlers: HandlerStats;
  readonly #served = new Map<string, number>();
  readonly #mostServed = new Map<string, number>();
  #servedAtMs = Date.now();
  readonly #newest = new Map<string, number>();
  /** The highest since the last sample. */
  #unsampled = new Map<string, number>();
  readonly #counts = new UnsampledCounts();

  constructor(version: string, config: ServerConfig, handlers: string, log: Logger) {
    this.#version = version;
    this.#store = config.store;
    this.cluster = config.cluster && new ClusterState(config.cluster);
    this.#workers = config.workers + config.homes;
    this.#handlers = { version: handlers, sinceMs: Date.now(), loads: 1, rejected: [], rejections: 0 };
    this.#monitor = new QueueMonitor(config.thresholds, (alert) => logAlert(log, alert));
  }

  /** Takes the report of one worker; a sample is made when `sample` is called. */
  take(report: WorkerReport): void {
    const { worker, pid } = report.stats;
    // What the dead have said may come behind the news of their death.
    if (this.#past.has(report.stats)) return;
    const before = this.#reports.get(worker);
    if (before && before.stats.pid !== pid) this.#past.bury(before);
    this.#reports.set(worker, report);
    if (report.cluster) this.cluster?.take(report.cluster);
    this.#counts.reported(report.stats);
    for (const [queue, { peak, arrived, served }] of Object.entries(this.#past.addTo(report).queues)) {
      const name = this.#nameOf(queue, report);
      this.#newest.set(name, peak);
      this.#unsampled.set(name, Math.max(peak, this.#unsampled.get(name) ?? 0));
      this.#counts.add(name, arrived, served);
    }
  }

  /** Why not everybody is served, one a line; undefined: everybody is. */
  get problem(): string | undefined {
    const problems = [...this.#problems.values()];
    if (this.media?.problem) problems.push(this.media.problem);
    if (this.cluster) problems.push(...this.cluster.problems);
    return problems.length > 0 ? problems.join('\n') : undefined;
  }

  /** @param problem null: it is over */
  ailing(worker: number, problem: string | null): void {
    if (problem === null) this.#problems.delete(worker);
    else this.#problems.set(worker, problem);
  }

  died(worker: number, reason: string): void {
    this.#problems.set(worker, `${reason}; it is being started again`);
    const last = this.#reports.get(worker);
    if (last) this.#past.bury(last);
    this.#reports.delete(worker);
    this.cluster?.died(worker);
  }

  restarted(worker: number, reason: string): void {
    this.#problems.delete(worker);
    this.#restarts.push({ worker, atMs: Date.now(), reason });
  }

  get handlersVersion(): string {
    return this.#handlers.version;
  }

  reloaded(version: string): void {
    this.#handlers = { ...this.#handlers, version, sinceMs: Date.now(), loads: this.#handlers.loads + 1 };
  }

  /** A version did not go into force. */
  rejected(reason: string): void {
    this.#handlers.rejections += 1;
    this.#handlers.rejected.push({ atMs: Date.now(), reason });
    if (this.#handlers.rejected.length > KEPT_REJECTIONS) this.#handlers.rejected.shift();
  }

  /** Records the queue lengths reported since the last call; a worker that reported none has those of before. */
  sample(): void {
    if (this.#newest.size === 0) return;
    this.#measureServed(Date.now());
    this.#monitor.record(Date.now(), new Map([...this.#newest, ...this.#unsampled]), this.#counts.take());
    this.#unsampled = new Map();
  }

  /** Over a second at least: a shorter time makes a rate of every burst. */
  #measureServed(atMs: number): void {
    const seconds = (atMs - this.#servedAtMs) / 1000;
    if (seconds < 1) return;
    for (const report of this.#reports.values()) {
      for (const [queue, { served }] of Object.entries(report.queues)) {
        const name = this.#nameOf(queue, report);
        const rate = (served - (this.#served.get(name) ?? served)) / seconds;
        this.#served.set(name, served);
        this.#mostServed.set(name, Math.max(rate, this.#mostServed.get(name) ?? 0));
      }
    }
    this.#servedAtMs = atMs;
  }

  stats(): ServerStats {
    const reports = [...this.#reports.values()]
      .sort((a, b) => a.stats.worker - b.stats.worker)
      .map((report) => this.#past.addTo(report));
    const workers = reports.map((report) => report.stats);
    const unreported = this.#past.without(new Set(workers.map(({ worker }) => worker)));
    return {
      schema: 'c2m.stats/1',
      version: this.#version,
      startedAtMs: this.#startedAtMs,
      connections: workers.reduce((sum, worker) => sum + worker.connections, 0),
      users: reports.reduce((sum, report) => sum + report.users, 0),
      store: addUsage(this.#store, [
        ...reports.map((report) => report.store),
        ...unreported.map(({ commits, commitMs }) => ({ items: 0, diskBytes: 0, commits, commitMs })),
      ]),
      counters: addCounters([...reports, ...unreported].map(({ counters }) => counters)),
      workers,
      restarts: this.#restarts,
      handlers: this.#handlers,
      media: this.media?.stats ?? null,
      cluster: this.cluster?.stats() ?? null,
      samples: this.#monitor.samples,
      alerts: this.#monitor.alerts,
      queues: this.#queues(reports),
    };
  }

  #queues(reports: WorkerReport[]): ServerStats['queues'] {
    const queues: ServerStats['queues'] = {};
    const summary = this.#monitor.summary();
    for (const report of reports) {
      for (const [queue, { arrived, served }] of Object.entries(report.queues)) {
        const name = this.#nameOf(queue, report);
        const { max = 0, threshold = null } = summary[name] ?? {};
        const mostServedPerSecond = this.#mostServed.get(name) ?? 0;
        queues[name] = { max, threshold, arrived, served, mostServedPerSecond };
      }
    }
    return queues;
  }

  /** Of several workers each has its own. */
  #nameOf(queue: string, { stats }: WorkerReport): string {
    return this.#workers === 1 ? queue : `${queue}#${stats.worker}`;
  }
}

function addUsage(kind: StoreStats['kind'], all: WorkerReport['store'][]): StoreStats {
  const sum: StoreStats = { kind, items: 0, diskBytes: 0, commits: 0, commitMs: 0 };
  for (const { items, diskBytes, commits, commitMs } of all) {
    sum.items += items;
    sum.diskBytes += diskBytes;
    sum.commits += commits;
    sum.commitMs += commitMs;
  }
  return sum;
}

function logAlert(log: Logger, alert: QueueAlert): void {
  if (alert.clearedAtMs === null) log.warn(alert, `queue ${alert.queue} grew past ${alert.threshold}`);
  else log.info(alert, `queue ${alert.queue} is back below its threshold; its peak was ${alert.peak}`);
}
