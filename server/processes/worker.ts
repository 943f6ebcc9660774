import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ClusterStats, ClusterWorkerStats, WorkerStats } from '../../protocol/stats.js';
import type { ProcessBus } from '../bus/bus.js';
import type { ListenAddress, QueueName, ServerConfig } from '../config.js';
import { Admission } from '../gateway/admission.js';
import type { Certificate } from '../gateway/certificate.js';
import { Gateway } from '../gateway/gateway.js';
import { InboundBudget } from '../gateway/inbound-budget.js';
import { Router } from '../gateway/router.js';
import { SessionTable } from '../gateway/session-table.js';
import { Turn } from '../gateway/turn.js';
import type { WorkerHomes } from '../home/worker-homes.js';
import type { HotCode } from '../hot-code/hot-code.js';
import type { Counters } from '../queues/counters.js';
import { readProcessUsage } from '../queues/process-usage.js';
import type { QueueReport } from '../queues/queue-gauge.js';
import type { StoreUsage } from '../store/home-store.js';
import { HeapTrim } from './heap-trim.js';

/**
 * How finely the lag of the event loop is measured. It is a timer: a finer one would wake an idle worker more often than
 * its clients do.
 */
const LAG_RESOLUTION_MS = 200;

/** How often a part of the mailboxes is looked through for items past their retention time and for users who are away. */
const HOME_SWEEP_MS = 1000;

export interface WorkerOptions {
  config: ServerConfig;
  connectionLimit: number;
  /** Mailboxes and groups of this process. The worker closes them, and the bus, when it is closed. */
  homes: WorkerHomes;
  bus: ProcessBus;
  /** What the worker has counted; its homes were given the same object and count into it. */
  counters: Counters;
  code: HotCode;
  /** Number of this worker in its server, from 0. */
  worker: number;
  /**
   * How often this worker was started again. Each life numbers its connections from another place, so that an answer meant for
   * a connection of the life before reaches nobody.
   */
  restarts: number;
  /** Called when the worker takes no more connections, and when it does again. Undefined where it is the only worker. */
  room?: (hasRoom: boolean) => void;
}

/** A worker as its process runs it, whatever keeps the mailboxes. */
export interface RunningWorker {
  /** @throws the system's error */
  listen(certificate: Certificate | undefined, addresses?: ListenAddress[]): Promise<ListenAddress[]>;
  /** Whether other workers of the same port have room for connections. */
  othersHaveRoom(haveRoom: boolean): void;
  /** Stops accepting, says goodbye to every client and waits, for a bounded time, until they have left. */
  drain(): Promise<void>;
  /** Gives everything back; to be called once this worker, and all others of the server, have drained. */
  close(): Promise<void>;
  report(): WorkerReport;
}

/** What a worker tells of itself, several times a second. */
export interface WorkerReport {
  stats: WorkerStats;
  counters: Counters;
  users: number;
  store: StoreUsage & { items: number };
  queues: Record<QueueName, QueueReport>;
  /** Of a worker in a cluster. */
  cluster?: ClusterReport;
}

/** What a worker of a cluster has of it, and what it sees. */
export interface ClusterReport {
  worker: ClusterWorkerStats;
  /** Undefined: as it was in the last report. */
  seen?: Pick<ClusterStats, 'peers' | 'homes'>;
}

/** One worker: a gateway for its connections, homes for its share of the users, and the turn that answers for both. */
export class Worker implements RunningWorker {
  readonly #number: number;
  readonly #bus: ProcessBus;
  readonly #homes: WorkerHomes;
  readonly #counters: Counters;
  readonly #sessions: SessionTable;
  readonly #turn: Turn;
  readonly #router: Router;
  readonly #gateway: Gateway;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #heapTrim = new HeapTrim();
  readonly #sweep: NodeJS.Timeout;
  #nextHomeSweepMs = 0;

  constructor(options: WorkerOptions) {
    const { config, connectionLimit, homes, bus, counters, code, worker, restarts, room } = options;
    this.#number = worker;
    const { limits, coalesceMs } = config;
    const admission = new Admission(limits);
    const { sendsUnderWay } = admission;
    const budget = new InboundBudget(bus, limits);
    const sessions = new SessionTable(limits, restarts);
    // A login takes three turns, and connections are accepted one a turn: a rest in each would keep newcomers waiting.
    const mayRest = () => !sessions.hasUnauthenticated;
    const turn = new Turn({ homes, bus, budget, mayRest, coalesceMs });
    const router = new Router({ bus, homes, sessions, budget, sendsUnderWay, turn });
    const parts = {
      config,
      connectionLimit,
      room,
      code,
      counters,
      sessions,
      admission,
      budget,
      router,
      turn,
    };
    this.#gateway = new Gateway(parts);
    this.#bus = bus;
    this.#homes = homes;
    this.#counters = counters;
    this.#sessions = sessions;
    this.#turn = turn;
    this.#router = router;
    this.#loopDelay.enable();
    const sweepMs = Math.min(1000, Math.max(5, Math.min(limits.loginTimeoutMs, limits.idleTimeoutMs) / 16));
    this.#sweep = setInterval(() => this.#sweepAll(), sweepMs);
  }

  /**
   * Takes what comes over the bus. `connected` opens the bus with it; the bus of a cluster is opened elsewhere and is
   * given it there.
   */
  get router(): Router {
    return this.#router;
  }

  /**
   * To be called once all processes of the server listen: takes what they have sent, and sends again what an earlier
   * life of this worker left undone.
   */
  connected(): void {
    this.#bus.open(this.#router);
    const { first, count } = this.#bus.homes;
    for (let home = first; home < first + count; home += 1) this.reconnected(home);
  }

  /** To be called when another process was started again: it may have lost what our homes had sent to it. */
  reconnected(process: number): void {
    this.#homes.resend(process);
    this.#turn.schedule();
  }

  /** @throws the system's error */
  listen(certificate: Certificate | undefined, addresses?: ListenAddress[]): Promise<ListenAddress[]> {
    return this.#gateway.listen(certificate, addresses);
  }

  /** Whether other workers of the same port have room for connections. */
  othersHaveRoom(haveRoom: boolean): void {
    this.#gateway.othersHaveRoom(haveRoom);
  }

  /** What time it is at another node. */
  heardClock(clockMs: number): void {
    this.#gateway.heardClock(clockMs);
  }

  /** Makes the turn of now end with a commit and its answers. */
  schedule(): void {
    this.#turn.schedule();
  }

  drain(): Promise<void> {
    return this.#gateway.drain();
  }

  /** Gives everything back; to be called once this worker, and all others on the bus, have drained. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#loopDelay.disable();
    this.#turn.end();
    await this.#homes.settled();
    await this.#bus.close();
    await this.#homes.close();
  }

  /** State and queues. Peaks are those since the last call. */
  report(): WorkerReport {
    const lag = this.#loopDelay.percentile(99) / 1e6 - LAG_RESOLUTION_MS;
    this.#loopDelay.reset();
    const { users, store, mailboxes, fanOut } = this.#homes.report();
    return {
      stats: {
        worker: this.#number,
        pid: process.pid,
        connections: this.#sessions.size,
        ...readProcessUsage(),
        eventLoopLagP99Ms: Math.max(0, lag),
        atMs: performance.timeOrigin + performance.now(),
      },
      counters: this.#counters,
      users,
      store,
      queues: {
        ...this.#gateway.queues(),
        'bus-ingress': this.#turn.ingress.report(),
        'mailbox-writes': this.#turn.writes.report(),
        mailboxes,
        'fan-out': fanOut,
      },
    };
  }

  #sweepAll(): void {
    this.#heapTrim.look(this.#sessions.size, !this.#sessions.hasLingering);
    this.#gateway.sweep();
    const now = performance.now();
    if (now < this.#nextHomeSweepMs) return;
    this.#nextHomeSweepMs = now + HOME_SWEEP_MS;
    this.#homes.sweep();
    this.#turn.schedule();
  }
}
