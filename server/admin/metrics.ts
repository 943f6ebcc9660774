import { Counter, Gauge, Registry } from 'prom-client';
import type { MediaStats, ServerCounters, ServerStats } from '../../protocol/stats.js';
import { ClusterMetrics } from './cluster-metrics.js';

const COUNTERS: [keyof Omit<ServerCounters, 'closedByReason' | 'refusedByReason'>, string, string][] = [
  ['connectionsAccepted', 'c2m_connections_accepted_total', 'Connections accepted.'],
  ['logins', 'c2m_logins_total', 'Logins admitted.'],
  ['sends', 'c2m_sends_total', 'SEND, GROUP_SEND and GROUP frames received.'],
  ['accepted', 'c2m_messages_accepted_total', 'Messages stored and accepted.'],
  ['repeated', 'c2m_sends_repeated_total', 'SENDs that repeated an accepted id.'],
  ['delivered', 'c2m_messages_delivered_total', 'Messages sent to their recipient for the first time.'],
  ['redelivered', 'c2m_messages_redelivered_total', 'Messages sent to their recipient again.'],
  ['acknowledged', 'c2m_messages_acknowledged_total', 'Messages that their recipient acknowledged.'],
  ['receipts', 'c2m_receipts_total', 'Receipts made for senders.'],
  ['copies', 'c2m_group_copies_total', 'Messages to groups, once for each member.'],
  ['undelivered', 'c2m_group_copies_undelivered_total', 'Of those, the ones that found a full mailbox.'],
  ['handlerFaults', 'c2m_handler_faults_total', 'Frames that the handlers failed at.'],
  ['expired', 'c2m_items_expired_total', 'Items that waited longer than the retention time.'],
  ['damaged', 'c2m_items_damaged_total', 'Items that were not what was stored, and were passed over.'],
];

/** Writes `stats` in the text format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #connections = this.#gauge('c2m_connections', 'Open connections.', ['worker']);
  readonly #users = this.#gauge('c2m_users', 'Users that the server holds state for.', []);
  readonly #handlers = this.#gauge('c2m_handlers_info', 'The version of the handlers in force.', ['version']);
  readonly #loads = this.#counter('c2m_handlers_loads_total', 'Handlers that went into force.', []);
  readonly #rejected = this.#counter('c2m_handlers_rejected_total', 'Handlers that did not.', []);
  readonly #mediaFiles = this.#gauge('c2m_media_files', 'Files kept.', []);
  readonly #mediaBytes = this.#gauge('c2m_media_bytes', 'Disk space of the files.', []);
  readonly #mediaUnfinished = this.#gauge(
    'c2m_media_unfinished_bytes',
    'Disk space of unfinished uploads, promised space included.',
    [],
  );
  readonly #mediaDamaged = this.#gauge('c2m_media_damaged_files', 'Files that were set aside.', []);
  readonly #mediaRequests = this.#counter('c2m_media_requests_total', 'Requests for media, by outcome.', [
    'outcome',
  ]);
  readonly #storeItems = this.#gauge('c2m_store_items', 'Items in all mailboxes.', ['store']);
  readonly #storeBytes = this.#gauge('c2m_store_disk_bytes', 'Disk space of the mailboxes.', ['store']);
  readonly #storeCommits = this.#counter('c2m_store_commits_total', 'Transactions of the store.', []);
  readonly #storeSeconds = this.#counter('c2m_store_commit_seconds_total', 'Time in those.', []);
  readonly #queueLength = this.#gauge('c2m_queue_length', 'Length of a queue, the highest of 250 ms.', [
    'queue',
  ]);
  readonly #queueAlert = this.#gauge('c2m_queue_alert', '1 while a queue is past its threshold.', ['queue']);
  readonly #memory = this.#gauge('c2m_worker_private_bytes', 'Anonymous memory of a worker.', ['worker']);
  readonly #cpu = this.#gauge('c2m_worker_cpu_seconds', 'CPU time of a worker, user and system.', ['worker']);
  readonly #lag = this.#gauge('c2m_worker_event_loop_lag_p99_seconds', 'Event-loop lag, 99th percentile.', [
    'worker',
  ]);
  readonly #closed = this.#counter('c2m_connections_closed_total', 'Connections closed, by reason.', [
    'reason',
  ]);
  readonly #refused = this.#counter('c2m_messages_refused_total', 'SENDs refused, by reason.', ['reason']);
  readonly #counters = COUNTERS.map(([key, name, help]) => ({ key, counter: this.#counter(name, help, []) }));

  /** Made by the first server of a cluster that is rendered: others have none of these. */
  #cluster: ClusterMetrics | undefined;

  get contentType(): string {
    return this.#registry.contentType;
  }

  render(stats: ServerStats): Promise<string> {
    this.#registry.resetMetrics();
    this.#users.set(stats.users);
    this.#handlers.set({ version: stats.handlers.version }, 1);
    this.#loads.inc(stats.handlers.loads);
    this.#rejected.inc(stats.handlers.rejections);
    if (stats.media) this.#renderMedia(stats.media);
    if (stats.cluster) this.#clusterMetrics().render(stats.cluster);
    this.#storeItems.set({ store: stats.store.kind }, stats.store.items);
    this.#storeBytes.set({ store: stats.store.kind }, stats.store.diskBytes);
    this.#storeCommits.inc(stats.store.commits);
    this.#storeSeconds.inc(stats.store.commitMs / 1000);
    for (const worker of stats.workers) {
      const labels = { worker: String(worker.worker) };
      this.#connections.set(labels, worker.connections);
      this.#memory.set(labels, worker.privateBytes);
      this.#cpu.set(labels, worker.cpuSeconds);
      this.#lag.set(labels, worker.eventLoopLagP99Ms / 1000);
    }
    const standing = new Set(
      stats.alerts.filter((alert) => alert.clearedAtMs === null).map((alert) => alert.queue),
    );
    const lengths = stats.samples.at(-1)?.queues;
    for (const queue of Object.keys(stats.queues)) {
      this.#queueLength.set({ queue }, lengths?.[queue] ?? 0);
      this.#queueAlert.set({ queue }, standing.has(queue) ? 1 : 0);
    }
    for (const { key, counter } of this.#counters) counter.inc(stats.counters[key]);
    for (const [reason, count] of Object.entries(stats.counters.refusedByReason))
      this.#refused.inc({ reason }, count);
    for (const [reason, count] of Object.entries(stats.counters.closedByReason))
      this.#closed.inc({ reason }, count);
    return this.#registry.metrics();
  }

  #renderMedia({ files, bytes, unfinishedBytes, damaged, uploads, downloads, refused }: MediaStats): void {
    this.#mediaFiles.set(files);
    this.#mediaUnfinished.set(unfinishedBytes);
    this.#mediaDamaged.set(damaged);
    this.#mediaBytes.set(bytes);
    this.#mediaRequests.inc({ outcome: 'uploaded' }, uploads);
    this.#mediaRequests.inc({ outcome: 'downloaded' }, downloads);
    for (const [status, count] of Object.entries(refused))
      this.#mediaRequests.inc({ outcome: status }, count);
  }

  #clusterMetrics(): ClusterMetrics {
    this.#cluster ??= new ClusterMetrics({
      gauge: (...all) => this.#gauge(...all),
      counter: (...all) => this.#counter(...all),
    });
    return this.#cluster;
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }
}
