import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { builtEntry, inheritedFlags } from '../../entries.js';
import { Topology } from '../bus/topology.js';
import { isSocketThere } from '../bus/unix-bus.js';
import { LEAVE_TIMEOUT_MS } from '../cluster/membership.js';
import type { ListenAddress, ServerConfig } from '../config.js';
import type { Certificate } from '../gateway/certificate.js';
import type { HandlerFiles, StagedHandlers } from '../hot-code/handler-files.js';
import { SAMPLE_INTERVAL_MS } from '../queues/queue-monitor.js';
import { RestartLimit } from './restart-limit.js';
import { ensureSharedFolder } from './shared-folder.js';
import { SharedRoom } from './shared-room.js';
import { WorkerChild } from './worker-child.js';
import type { WorkerSetListener } from './worker-set-listener.js';

/** A running set of worker processes. */
export interface WorkerSet {
  addresses: ListenAddress[];
  /** Rejects when the server cannot go on. */
  failed: Promise<never>;
  /** Puts handlers into force in every process, or in none. @throws Error saying which could not take them, and why */
  reload(staged: StagedHandlers): Promise<void>;
  /** Whether every process can take them; nothing changes. @throws Error saying which could not take them, and why */
  tryOut(staged: StagedHandlers): Promise<void>;
  drain(): Promise<void>;
}

/** A process that listens on the bus anew needs milliseconds. One that does not is found out by its silence. */
const REBIND_MS = 2000;

/** Before a process is started once more that has died while it started. */
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2000;

/** From this many processes on, each is kept small and reports once a second instead of four times. */
const MANY_PROCESSES = 16;

/** An idle worker of many is private memory first of all: young generation, code and threads are kept small. */
const SMALL_PROCESS_FLAGS = ['--max-semi-space-size=1', '--optimize-for-size', '--single-threaded-gc'];

/**
 * Forks `config.workers` processes that take connections, and `config.homes` that keep mailboxes; without the latter
 * the workers do. A connection to a shared port goes to whichever worker accepts first (SCHED_NONE): no process
 * stands between a client and its worker. A process that dies is started again on the same address.
 */
export async function startWorkers(
  config: ServerConfig,
  certificate: Certificate | undefined,
  files: HandlerFiles,
  folder: string,
  listener: WorkerSetListener,
): Promise<WorkerSet> {
  const supervisor = new Supervisor(config, certificate, files, folder, listener);
  try {
    const addresses = await supervisor.start();
    return {
      addresses,
      failed: supervisor.failed,
      reload: (staged) => supervisor.reload(staged),
      tryOut: (staged) => supervisor.tryOut(staged),
      drain: () => supervisor.drain(),
    };
  } catch (error) {
    supervisor.kill();
    throw error;
  }
}

class Supervisor {
  readonly failed: Promise<never>;
  readonly #config: ServerConfig;
  readonly #certificate: Certificate | undefined;
  readonly #listener: WorkerSetListener;
  readonly #files: HandlerFiles;
  readonly #busFolder: string;
  readonly #topology: Topology;
  readonly #children: WorkerChild[] = [];
  readonly #addresses: ListenAddress[][] = [];
  readonly #restartsOf: number[] = [];
  readonly #deaths: RestartLimit;
  readonly #room: SharedRoom;
  readonly #instance = randomUUID();
  #lastTurn: Promise<void> = Promise.resolve();
  #isLeaving = false;
  #wereAllDead = false;
  #fail: (error: Error) => void = () => undefined;

  constructor(
    config: ServerConfig,
    certificate: Certificate | undefined,
    files: HandlerFiles,
    busFolder: string,
    listener: WorkerSetListener,
  ) {
    this.#config = config;
    this.#certificate = certificate;
    this.#listener = listener;
    this.#files = files;
    this.#busFolder = busFolder;
    this.#topology = new Topology(config);
    this.#room = new SharedRoom(config.workers);
    this.#deaths = new RestartLimit(config.limits.restartsPerMinute);
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for it hears of it; here it must not count as unhandled.
    this.failed.catch(() => undefined);
    cluster.schedulingPolicy = cluster.SCHED_NONE;
  }

  /** Addresses of the workers, in their order. */
  async start(): Promise<ListenAddress[]> {
    const numbers = Array.from({ length: this.#topology.processes }, (_, worker) => worker);
    // Each step waits for all: a bus that does not listen yet cannot be connected to.
    await Promise.all(numbers.map((worker) => this.#fork(worker)));
    const listening = await Promise.all(numbers.map((worker) => this.#connect(worker)));
    for (const worker of numbers) this.#watch(worker);
    return this.#config.portPerWorker ? listening.flat() : (listening[0] ?? []);
  }

  async drain(): Promise<void> {
    this.#isLeaving = true;
    const { limits, cluster } = this.#config;
    const timeoutMs = limits.drainTimeoutMs + (cluster ? LEAVE_TIMEOUT_MS : 0);
    await Promise.all(this.#children.map((child) => child.drain(timeoutMs)));
    await Promise.all(this.#children.map((child) => child.exit()));
  }

  kill(): void {
    this.#isLeaving = true;
    for (const child of this.#children) child.kill();
  }

  async reload(staged: StagedHandlers): Promise<void> {
    await this.#inTurn(async () => {
      await this.#load(staged);
      this.#files.accept(staged);
      // One that dies now, or hangs and is killed for it, is started again with what is in force.
      await Promise.allSettled(
        this.#children.map((child) => {
          const activated = child.heard('activated', this.#config.limits.hangTimeoutMs);
          child.tell({ kind: 'activate', isReturn: staged.isReturn });
          return activated;
        }),
      );
    });
  }

  async tryOut(staged: StagedHandlers): Promise<void> {
    await this.#inTurn(async () => {
      await this.#load(staged);
      this.#discard();
    });
  }

  /** In every process, or in none; nothing is in force yet. */
  async #load(staged: StagedHandlers): Promise<void> {
    // Loading takes milliseconds: a process that is silent for so long hangs.
    const { hangTimeoutMs } = this.#config.limits;
    const answers = this.#children.map(async (child, worker) => {
      const loaded = child.heard('loaded', hangTimeoutMs);
      child.tell({ kind: 'load', handlers: staged.file });
      const problem = await loaded.then(
        (answer) => answer.problem,
        (error: Error) => error.message,
      );
      if (problem !== null) throw new Error(`worker ${worker}: ${problem}`);
    });
    const failure = (await Promise.allSettled(answers)).find(({ status }) => status === 'rejected');
    if (!failure) return;
    this.#discard();
    throw (failure as PromiseRejectedResult).reason;
  }

  #discard(): void {
    for (const child of this.#children) child.tell({ kind: 'discard' });
  }

  /** Loading handlers and starting processes again wait for each other: every process has the same version. */
  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(act);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  /** Starts a process up to where its bus listens. */
  async #fork(worker: number): Promise<void> {
    await this.#restoreShared();
    const areMany = this.#topology.processes >= MANY_PROCESSES;
    const isSmall = areMany && this.#topology.isWorker(worker);
    cluster.setupPrimary({
      exec: builtEntry('serverWorker'),
      args: [],
      // A home holds the mailboxes of many users: it collects its garbage with all that V8 has.
      execArgv: [...inheritedFlags(), ...(isSmall ? SMALL_PROCESS_FLAGS : [])],
      serialization: 'advanced',
    });
    const child = new WorkerChild(cluster.fork(), this.#config.limits.hangTimeoutMs, {
      report: (report) => this.#listener.report(report),
      room: (hasRoom) => this.#setRoom(worker, hasRoom),
      faulty: (version, reason) => this.#listener.faulty(version, reason),
      said: (line) => this.#listener.said(worker, line),
      ailing: (problem) => this.#listener.ailing(worker, problem),
    });
    this.#children[worker] = child;
    if (isSmall) child.yieldToOthers();
    await child.heard('up');
    child.tell({
      kind: 'start',
      worker,
      restarts: this.#restartsOf[worker] ?? 0,
      instance: this.#instance,
      reportMs: areMany ? 4 * SAMPLE_INTERVAL_MS : SAMPLE_INTERVAL_MS,
      config: this.#config,
      certificate: this.#certificate,
      busFolder: this.#busFolder,
      handlers: this.#files.inForce,
    });
    await child.heard('bus-ready');
  }

  #setRoom(worker: number, hasRoom: boolean): void {
    if (!this.#topology.isWorker(worker)) return;
    for (const { worker: other, haveOthersRoom } of this.#room.set(worker, hasRoom))
      this.#children[other]?.tell({ kind: 'others', haveRoom: haveOthersRoom });
  }

  /** Puts back what was cleared from the temporary folder: the handlers in force, and the sockets of those that live. */
  async #restoreShared(): Promise<void> {
    ensureSharedFolder(this.#busFolder);
    await this.#files.restore();
    const lost = this.#children.filter(
      (child, worker) => !child.isDead && child.isOnBus && !isSocketThere(this.#busFolder, worker),
    );
    await Promise.allSettled(
      lost.map((child) => {
        const isReady = child.heard('bus-ready', REBIND_MS);
        child.tell({ kind: 'rebind' });
        return isReady;
      }),
    );
  }

  /** Lets a process talk to the others, and accept. */
  async #connect(worker: number): Promise<ListenAddress[]> {
    const child = this.#children[worker] as WorkerChild;
    const before = this.#addresses[worker];
    const heard = child.heard('listening');
    child.tell({ kind: 'connect', addresses: this.#asksByNumber(worker) ? before : undefined });
    const { addresses } = await heard;
    if (before && !isDeepStrictEqual(before, addresses)) {
      this.#wereAllDead = true;
      throw new Error(`the port of server worker ${worker} was given back meanwhile`);
    }
    this.#addresses[worker] = addresses;
    child.started();
    return addresses;
  }

  /**
   * A shared port is had by asking for it as before, be it 0. Once no worker was left to hold it, it is given back, and
   * must be asked for by its number.
   */
  #asksByNumber(worker: number): boolean {
    const others = this.#children.slice(0, this.#config.workers).filter((_, other) => other !== worker);
    if (others.every((child) => child.isDead)) this.#wereAllDead = true;
    return this.#config.portPerWorker || this.#wereAllDead;
  }

  #watch(worker: number): void {
    this.#children[worker]?.died.then((reason) => {
      if (this.#isLeaving) return;
      this.#setRoom(worker, false);
      this.#listener.died(worker, reason);
      const refusal = this.#children[worker]?.refusal;
      if (refusal) this.#fail(refusal);
      else this.#inTurn(() => this.#restart(worker, reason)).catch(this.#fail);
    });
  }

  /** Until it stays: a process that dies while it starts has died once more. */
  async #restart(worker: number, reason: string): Promise<void> {
    let waitMs = 0;
    for (let fault: string | undefined = reason; fault !== undefined && !this.#isLeaving; ) {
      this.#deaths.count(fault);
      // Without memory or descriptors for one more process there may be some in a moment.
      await sleep(waitMs);
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2 + FIRST_WAIT_MS);
      this.#restartsOf[worker] = (this.#restartsOf[worker] ?? 0) + 1;
      fault = await this.#bringBack(worker).then(
        () => undefined,
        (error: Error) => {
          if (error === this.#children[worker]?.refusal) throw error;
          return error.message;
        },
      );
      if (fault !== undefined) this.#children[worker]?.kill();
    }
    if (this.#isLeaving) return;
    this.#watch(worker);
    this.#listener.restarted(worker, reason);
  }

  async #bringBack(worker: number): Promise<void> {
    await this.#fork(worker);
    // The others first: who logs in at the new worker is delivered to at once.
    this.#children.forEach((child, other) => {
      if (other !== worker) child.tell({ kind: 'reconnect', worker });
    });
    await this.#connect(worker);
    this.#room.forget(worker);
    this.#setRoom(worker, true);
  }
}
