import type { WorkerReport } from './worker.js';

/** What the supervisor tells whoever runs it. */
export interface WorkerSetListener {
  report(report: WorkerReport): void;
  /** A process has something for the log. */
  said(worker: number, line: string): void;
  /** A process does not answer; null: it does again. */
  ailing(worker: number, problem: string | null): void;
  /** A process ended that should not have; it is being started again. */
  died(worker: number, reason: string): void;
  /** It was started again. */
  restarted(worker: number, reason: string): void;
  /** The handlers of this version fail again and again in one of them. */
  faulty(version: string, reason: string): void;
}
