import type { Worker as ClusterWorker } from 'node:cluster';
import { constants, setPriority } from 'node:os';
import type { WorkerReport } from './worker.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** How long a worker may take beyond what it was given. */
const EXIT_GRACE_MS = 2000;

/** One worker process, seen from the supervisor. */
export class WorkerChild {
  /** Resolves with the reason when the process has ended. */
  readonly died: Promise<string>;
  readonly #process: ClusterWorker;
  readonly #waiting = new Map<FromWorker['kind'], (message: FromWorker) => void>();

  constructor(worker: ClusterWorker, onReport: (report: WorkerReport) => void) {
    this.#process = worker;
    let fault = '';
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'report') onReport(message.report);
      else if (message.kind === 'failed') fault = `: ${message.message}`;
      else this.#waiting.get(message.kind)?.(message);
    });
    this.died = new Promise((resolve) => {
      worker.once('exit', (code, signal) => {
        resolve(`server worker ${worker.process.pid} ended (${signal ?? code})${fault}`);
      });
    });
  }

  /**
   * Lets every other process go first. The scheduler shares a core among processes alike, so many workers would keep
   * from it the few that all of them wait for: the homes, and a load generator on the same host.
   */
  yieldToOthers(): void {
    const { pid } = this.#process.process;
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  }

  get isDead(): boolean {
    return this.#process.isDead();
  }

  tell(message: ToWorker): void {
    // Without a callback, a process that was killed meanwhile would be an error that nobody handles; `died` tells of it.
    if (this.#process.isConnected()) this.#process.send(message, () => undefined);
  }

  /** Rejects if the process ends before it says so. */
  heard<K extends FromWorker['kind']>(kind: K): Promise<Extract<FromWorker, { kind: K }>> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(kind, (message) => resolve(message as Extract<FromWorker, { kind: K }>));
      this.died.then((reason) => reject(new Error(reason)));
    });
  }

  /** Resolves when the worker has said goodbye to its clients; one that does not answer in time is killed. */
  async drain(timeoutMs: number): Promise<void> {
    const drained = this.heard('drained').catch(() => undefined);
    this.tell({ kind: 'drain' });
    const timer = setTimeout(() => this.kill(), timeoutMs + EXIT_GRACE_MS);
    await drained;
    clearTimeout(timer);
  }

  async exit(): Promise<void> {
    this.tell({ kind: 'exit' });
    const timer = setTimeout(() => this.kill(), EXIT_GRACE_MS);
    await this.died;
    clearTimeout(timer);
  }

  kill(): void {
    this.#process.process.kill('SIGKILL');
  }
}
