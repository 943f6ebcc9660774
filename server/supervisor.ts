import cluster, { type Worker as ClusterWorker } from 'node:cluster';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Certificate } from './certificate.js';
import type { ListenAddress, ServerConfig } from './config.js';
import type { WorkerReport } from './worker.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** A running set of worker processes. */
export interface WorkerSet {
  addresses: ListenAddress[];
  /** Rejects when a worker dies that was not asked to. */
  failed: Promise<never>;
  drain(): Promise<void>;
}

/** How long a worker may take beyond what it was given. */
const EXIT_GRACE_MS = 2000;

/**
 * Forks `config.workers` processes that share the listening sockets. The kernel hands a connection to
 * whichever worker accepts first (SCHED_NONE): no process stands between a client and its worker.
 */
export async function startWorkers(
  config: ServerConfig,
  certificate: Certificate | undefined,
  onReport: (report: WorkerReport) => void,
): Promise<WorkerSet> {
  const busFolder = await mkdtemp(join(tmpdir(), 'c2m-bus-'));
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    exec: createRequire(import.meta.url).resolve('#dist/server/worker-process.js'),
    args: [],
    serialization: 'advanced',
  });
  const workers = Array.from({ length: config.workers }, () => new Child(cluster.fork(), onReport));
  const failed = Promise.race(workers.map((worker) => worker.failed));
  // Whoever waits for it hears of it; here it must not count as unhandled.
  failed.catch(() => undefined);
  try {
    await Promise.race([Promise.all(workers.map((worker) => worker.heard('up'))), failed]);
    workers.forEach((worker, index) => {
      worker.tell({ kind: 'start', worker: index, workers: workers.length, config, certificate, busFolder });
    });
    await Promise.race([Promise.all(workers.map((worker) => worker.heard('bus-ready'))), failed]);
    for (const worker of workers) worker.tell({ kind: 'connect' });
    const listening = await Promise.race([
      Promise.all(workers.map((worker) => worker.heard('listening'))),
      failed,
    ]);
    return {
      addresses: config.portPerWorker
        ? listening.flatMap(({ addresses }) => addresses)
        : (listening[0]?.addresses ?? []),
      failed,
      drain: async () => {
        await Promise.all(workers.map((worker) => worker.drain(config.limits.drainTimeoutMs)));
        await Promise.all(workers.map((worker) => worker.exit()));
        await rm(busFolder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    for (const worker of workers) worker.kill();
    await rm(busFolder, { recursive: true, force: true });
    throw error;
  }
}

/** One worker process, seen from the supervisor. */
class Child {
  readonly failed: Promise<never>;
  readonly #process: ClusterWorker;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<FromWorker['kind'], (message: FromWorker) => void>();
  #isLeaving = false;

  constructor(worker: ClusterWorker, onReport: (report: WorkerReport) => void) {
    this.#process = worker;
    let reason = '';
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'report') onReport(message.report);
      else if (message.kind === 'failed') reason = `: ${message.message}`;
      else this.#waiting.get(message.kind)?.(message);
    });
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()));
    this.failed = new Promise((_resolve, reject) => {
      worker.once('exit', (code, signal) => {
        if (!this.#isLeaving)
          reject(new Error(`server worker ${worker.process.pid} ended (${signal ?? code})${reason}`));
      });
    });
    this.failed.catch(() => undefined);
  }

  tell(message: ToWorker): void {
    this.#process.send(message);
  }

  heard<K extends FromWorker['kind']>(kind: K): Promise<Extract<FromWorker, { kind: K }>> {
    return new Promise((resolve) => {
      this.#waiting.set(kind, (message) => resolve(message as Extract<FromWorker, { kind: K }>));
    });
  }

  /** Resolves when the worker has said goodbye to its clients; one that does not answer in time is killed. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isLeaving = true;
    const drained = this.heard('drained');
    if (this.#process.isConnected()) this.tell({ kind: 'drain' });
    const timer = setTimeout(() => this.kill(), timeoutMs + EXIT_GRACE_MS);
    await Promise.race([drained, this.#exited]);
    clearTimeout(timer);
  }

  async exit(): Promise<void> {
    if (this.#process.isConnected()) this.tell({ kind: 'exit' });
    const timer = setTimeout(() => this.kill(), EXIT_GRACE_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.#isLeaving = true;
    this.#process.process.kill('SIGKILL');
  }
}
