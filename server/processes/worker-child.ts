import type { Worker as ClusterWorker } from 'node:cluster';
import { constants, setPriority } from 'node:os';
import { NODE_NAME_CODE, NodeNameError } from '../cluster/namesakes.js';
import { Liveness } from './liveness.js';
import type { WorkerReport } from './worker.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** How long a worker may take beyond what it was given. */
const EXIT_GRACE_MS = 2000;

/** Starting may take this many times the silence that a running process is allowed: a large store is looked through. */
const START_FACTOR = 12;

/** A worker process is gone; the message says why, for people. */
class WorkerEndedError extends Error {
  readonly code = 'C2M_WORKER_ENDED';
}

/** What a process says of itself without being asked. */
export interface WorkerChildListener {
  report(report: WorkerReport): void;
  /** Whether it has room for connections. */
  room(hasRoom: boolean): void;
  /** Its handlers fail. */
  faulty(version: string, reason: string): void;
  /** A line for the log. */
  said(line: string): void;
  /** What is the matter with it, or null: nothing any more. */
  ailing(problem: string | null): void;
}

/** One worker process, seen from the supervisor; one that stands still is killed. */
export class WorkerChild {
  /** Resolves with the reason when the process has ended. */
  readonly died: Promise<string>;
  readonly #process: ClusterWorker;
  readonly #waiting = new Map<FromWorker['kind'], (message: FromWorker) => void>();
  readonly #listener: WorkerChildListener;
  readonly #hangTimeoutMs: number;
  #liveness: Liveness;
  #fault = '';
  #refusal: Error | undefined;
  #isOnBus = false;

  constructor(worker: ClusterWorker, hangTimeoutMs: number, listener: WorkerChildListener) {
    this.#process = worker;
    this.#listener = listener;
    this.#hangTimeoutMs = hangTimeoutMs;
    this.#liveness = this.#watch(START_FACTOR * hangTimeoutMs);
    worker.on('message', (message: FromWorker) => this.#hear(message));
    this.died = new Promise((resolve) => {
      worker.once('exit', (code, signal) => {
        this.#liveness.close();
        resolve(`server worker ${worker.process.pid} ended (${signal ?? code})${this.#fault}`);
      });
      // One that never came to be has no exit.
      worker.on('error', (error) => {
        if (worker.process.pid !== undefined) return;
        this.#liveness.close();
        resolve(`a server worker could not be started: ${error.message}`);
      });
    });
  }

  /** It has started, and reports from now on: silence means more. */
  started(): void {
    this.#isOnBus = true;
    this.#liveness.close();
    if (!this.isDead) this.#liveness = this.#watch(this.#hangTimeoutMs);
  }

  #hear(message: FromWorker): void {
    this.#liveness.heard();
    if (message.kind === 'report') this.#listener.report(message.report);
    else if (message.kind === 'said') this.#listener.said(message.line);
    else if (message.kind === 'room') this.#listener.room(message.hasRoom);
    else if (message.kind === 'faulty') this.#listener.faulty(message.version, message.reason);
    else if (message.kind === 'failed') this.#failed(message);
    else this.#waiting.get(message.kind)?.(message);
  }

  #failed({ message, code }: Extract<FromWorker, { kind: 'failed' }>): void {
    this.#fault = `: ${message}`;
    if (code === NODE_NAME_CODE) this.#refusal = new NodeNameError(message);
  }

  #watch(timeoutMs: number): Liveness {
    const { pid } = this.#process.process;
    const listener = this.#listener;
    return new Liveness(
      {
        pid,
        silent: (seconds) =>
          listener.ailing(`server worker ${pid} has not answered for ${Math.round(seconds)} s`),
        recovered: () => listener.ailing(null),
        hangs: (seconds) => {
          this.#fault = `: it had not answered for ${Math.round(seconds)} s`;
          this.kill();
        },
      },
      timeoutMs,
    );
  }

  /**
   * Lets every other process go first. The scheduler shares a core among processes alike, so many workers would keep
   * from it the few that all of them wait for: the homes, and a load generator on the same host.
   */
  yieldToOthers(): void {
    const { pid } = this.#process.process;
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  }

  /** Whether others are connected to it, and new ones may be. */
  get isOnBus(): boolean {
    return this.#isOnBus;
  }

  /** Why it has ended, where started again it would end for the same reason. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  get isDead(): boolean {
    return this.#process.isDead();
  }

  tell(message: ToWorker): void {
    // Without a callback, a process that was killed meanwhile would be an error that nobody handles; `died` tells of it.
    if (this.#process.isConnected()) this.#process.send(message, () => undefined);
  }

  /** Rejects if the process ends before it says so, or does not say so in time. */
  heard<K extends FromWorker['kind']>(kind: K, withinMs?: number): Promise<Extract<FromWorker, { kind: K }>> {
    return new Promise((resolve, reject) => {
      const tooLate = () => reject(new Error(`it did not answer within ${(withinMs ?? 0) / 1000} s`));
      const timer = withinMs === undefined ? undefined : setTimeout(tooLate, withinMs);
      this.#waiting.set(kind, (message) => {
        clearTimeout(timer);
        resolve(message as Extract<FromWorker, { kind: K }>);
      });
      this.died.then((reason) => {
        clearTimeout(timer);
        reject(this.#refusal ?? new WorkerEndedError(reason));
      });
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
