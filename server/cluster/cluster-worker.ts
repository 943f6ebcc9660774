import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { formatAddress } from '../../protocol/address.js';
import type { ClusterWorkerStats } from '../../protocol/stats.js';
import type { ClusterConfig, ListenAddress, ServerConfig } from '../config.js';
import type { Certificate } from '../gateway/certificate.js';
import type { HotCode } from '../hot-code/hot-code.js';
import { type RunningWorker, Worker, type WorkerReport } from '../processes/worker.js';
import { newCounters } from '../queues/counters.js';
import { checkBatchRoom } from './batch-room.js';
import { BUS_VERSIONS } from './bus-version.js';
import { ClusterBus } from './cluster-bus.js';
import { connectCluster } from './connect.js';
import { HandOver } from './hand-over.js';
import { HomeWatch } from './home-watch.js';
import { KvLeaseTable } from './kv-lease-table.js';
import { LeasedMembership } from './leased-membership.js';
import { LocalHomes } from './local-homes.js';
import { LogKeeper } from './log-keeper.js';
import { LEAVE_TIMEOUT_MS, type Membership, type Peer } from './membership.js';

export interface ClusterWorkerOptions {
  config: ServerConfig & { cluster: ClusterConfig };
  connectionLimit: number;
  code: HotCode;
  /** Number of this worker in its node. */
  worker: number;
  restarts: number;
  /** See `Peer.instance`. */
  instance: string;
  /** For what homes keep here of their logs; gone with the server. */
  folder: string;
  room?: (hasRoom: boolean) => void;
  /** Another server has the name of this node, and came before: this one is no part of the cluster any more. */
  nameTaken(error: Error): void;
  log(line: string): void;
}

/** A table that cannot be had by then is not there; an election takes seconds. */
const TABLE_WITHIN_MS = 45_000;
const TABLE_PAUSE_MS = 1000;

/** A worker in a cluster: a peer, with a gateway for its connections, and those homes that it is given. */
export class ClusterWorker implements RunningWorker {
  readonly #options: ClusterWorkerOptions;
  readonly #connection: NatsConnection;
  readonly #homes = new LocalHomes();
  readonly #counters = newCounters();
  readonly #bus: ClusterBus;
  readonly #worker: Worker;
  readonly #handOver: HandOver;
  readonly #keeper: LogKeeper;
  #membership: Membership | undefined;
  #watch: HomeWatch | undefined;

  private constructor(options: ClusterWorkerOptions, connection: NatsConnection) {
    const { config, connectionLimit, code, worker, restarts, room } = options;
    const { cluster } = config;
    this.#options = options;
    this.#connection = connection;
    this.#bus = new ClusterBus({
      ...{ connection, cluster: cluster.name, homes: cluster.homes, limits: config.limits },
      trouble: options.log,
      stuck: (peer) => {
        options.log(`peer ${peer} takes nothing of what it is told, and is told nothing more`);
        this.#watch?.stuck(peer);
      },
    });
    this.#worker = new Worker({
      config,
      connectionLimit,
      homes: this.#homes,
      bus: this.#bus.gateway,
      counters: this.#counters,
      code,
      worker,
      restarts,
      ...(room && { room }),
    });
    const { folder, log } = options;
    this.#handOver = new HandOver({ bus: this.#bus, homes: this.#homes });
    this.#keeper = new LogKeeper({
      ...{ connection, cluster, homes: this.#homes, folder, log },
      partsOf: (home, epoch) => ({
        storeBytes: cluster.homeBytes,
        bus: this.#bus.home(home, epoch),
        counters: this.#counters,
        limits: config.limits,
        mayBeReplaced: () => this.#membership?.mayBeReplaced ?? true,
      }),
      handOver: (home, epoch) => this.#handOn(home, epoch),
      refused: (home, epoch, reason) => this.#membership?.reopen(home, epoch, reason),
      isHandedOn: (home) => this.#membership?.homes[home]?.isHandedOn ?? false,
      schedule: () => this.#worker.schedule(),
    });
  }

  /** @throws InputError, NatsError, Error saying what to do */
  static async start(options: ClusterWorkerOptions): Promise<ClusterWorker> {
    const { cluster, limits } = options.config;
    const connection = await connectCluster(cluster, `c2m ${cluster.node}/${options.worker}`);
    try {
      // Before it has homes: `join` of the bus would refuse only then.
      checkBatchRoom(connection, limits);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return new ClusterWorker(options, connection);
  }

  /** Accepts clients, then comes in; who logs in before is told to come again. @throws the system's error */
  async listen(certificate: Certificate | undefined, addresses?: ListenAddress[]): Promise<ListenAddress[]> {
    const listening = await this.#worker.listen(certificate, addresses);
    await this.#join(listening.map(formatAddress));
    return listening;
  }

  othersHaveRoom(haveRoom: boolean): void {
    this.#worker.othersHaveRoom(haveRoom);
  }

  /** Hands its homes over, then says goodbye to its clients. */
  async drain(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_TIMEOUT_MS);
    });
    await Promise.race([this.#membership?.leave(), tooLate]);
    clearTimeout(timer);
    await this.#worker.drain();
  }

  async close(): Promise<void> {
    await this.#worker.close();
    await this.#membership?.close();
    await this.#connection.close();
  }

  report(): WorkerReport {
    const { waitingBytes, heldBytes, peers } = this.#bus.stats;
    const worker: ClusterWorkerStats = {
      worker: this.#options.worker,
      peer: this.#watch?.isIn ? (this.#membership?.self.number ?? 0) : 0,
      ...this.#homes.logs(),
      busBytes: waitingBytes,
      heldBytes,
      repeatedBatches: peers.reduce((sum, { repeated }) => sum + repeated, 0),
      opened: this.#keeper.opened,
      openings: this.#keeper.openings,
    };
    const seen = this.#watch?.takeChanges();
    return { ...this.#worker.report(), cluster: { worker, ...(seen && { seen }) } };
  }

  /** Servers of NATS that were just started elect a leader first. @throws Error with the reason that JetStream gave last */
  async #openTable(): Promise<KvLeaseTable> {
    const { config, log } = this.#options;
    const { name: cluster, replicas } = config.cluster;
    const endMs = performance.now() + TABLE_WITHIN_MS;
    for (;;) {
      try {
        return await KvLeaseTable.open(this.#connection, { cluster, replicas, log });
      } catch (error) {
        const { message } = error as Error;
        if (performance.now() > endMs)
          throw new Error(
            `JetStream does not give the table of the cluster: ${message}; see that as many servers of NATS run with JetStream as the cluster has replicas (${replicas})`,
          );
        log(`waiting for JetStream: ${message}`);
        await sleep(TABLE_PAUSE_MS);
      }
    }
  }

  #handOn(home: number, epoch: number): Promise<void> {
    const membership = this.#membership as Membership;
    // The gateway here holds back as the others do, whether its table tells it already or not.
    this.#watch?.moved({ home, owner: membership.self.number, epoch, state: 'moving' });
    return this.#handOver.run(home, epoch, membership);
  }

  async #join(addresses: string[]): Promise<void> {
    const { config, worker, instance, log, nameTaken } = this.#options;
    const { cluster } = config;
    const membership = new LeasedMembership({
      table: await this.#openTable(),
      peer: { node: cluster.node, worker, instance, versions: BUS_VERSIONS, addresses },
      nameTaken,
      homes: cluster.homes,
      replicas: cluster.replicas,
      leaseMs: cluster.leaseMs,
      clock: {
        nowMs: () => performance.timeOrigin + performance.now(),
        heard: (clockMs) => this.#worker.heardClock(clockMs),
      },
      log,
    });
    this.#membership = membership;
    const { router } = this.#worker;
    const speak = (self: Peer) =>
      this.#bus.join(self, {
        toHome: (home, message) => router.toHome(home, message),
        toConnection: (message, home) => router.toConnection(message, home),
        held: (home, epoch, peer) => this.#handOver.held(home, epoch, peer),
        here: (home, epoch, peer) => {
          this.#handOver.here(home, peer);
          this.#homes.takeOver(home, epoch, this.#bus.addressOf(peer));
          this.#worker.schedule();
        },
        gathered: () => router.gathered(),
        drained: () => router.drained(),
      });
    const watch = new HomeWatch({
      membership,
      bus: this.#bus,
      homes: this.#homes,
      router,
      schedule: () => this.#worker.schedule(),
      cameIn: speak,
      log,
    });
    this.#watch = watch;
    membership.watch({
      up: (peer) => {
        if (peer.number !== membership.self.number) this.#handOver.up(peer.number);
        watch.up(peer);
      },
      down: (peer) => {
        this.#handOver.down(peer.number);
        watch.down(peer);
      },
      moved: (place) => watch.moved(place),
      isolated: (isIsolated) => watch.isolated(isIsolated),
    });
    await membership.join(this.#keeper);
    await speak(membership.self);
    watch.begin();
  }
}
