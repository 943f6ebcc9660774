import type { QueueAlert, WorkerRestart } from '../../protocol/stats.js';
import type { HomesOpened } from './homes-opened.js';
import type { QueueHistory } from './queue-log.js';
import type { ServerWatch } from './server-watch.js';

/** A server that tells of itself at its admin port, or a cluster that does so at the port of each of its nodes. */
export interface AdminWatch extends ServerWatch {
  readonly alerts: QueueAlert[];
  /** Processes that died and were started again. */
  readonly restarts: WorkerRestart[];
  /** Of a cluster; undefined: it is none. */
  readonly homes?: HomesOpened;
  /** Who did not answer the last time, and why, one line each. */
  readonly failures: string[];
  /** By the names of the queues, totals and their parts. */
  histories(): Map<string, QueueHistory>;
  /** Length past which there is an alert; null: none, or it is a total of parts that have one each. */
  thresholdOf(queue: string): number | null;
}
