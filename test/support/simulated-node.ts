import type { NatsConnection } from '@nats-io/transport-node';
import { BUS_VERSIONS } from '../../server/cluster/bus-version.js';
import { ClusterBus } from '../../server/cluster/cluster-bus.js';
import { HandOver } from '../../server/cluster/hand-over.js';
import { HomeWatch } from '../../server/cluster/home-watch.js';
import type { LeaseTable } from '../../server/cluster/lease-table.js';
import { LeasedMembership } from '../../server/cluster/leased-membership.js';
import { LocalHomes } from '../../server/cluster/local-homes.js';
import { type KeptStore, LogKeeper } from '../../server/cluster/log-keeper.js';
import type { Peer } from '../../server/cluster/membership.js';
import type { BusConnection } from '../../server/cluster/peer-links.js';
import type { Scheduler } from '../../server/cluster/scheduler.js';
import { type ClusterConfig, parseServerConfig } from '../../server/config.js';
import { Admission } from '../../server/gateway/admission.js';
import { Gateway } from '../../server/gateway/gateway.js';
import { InboundBudget } from '../../server/gateway/inbound-budget.js';
import { Router } from '../../server/gateway/router.js';
import type { Session } from '../../server/gateway/session.js';
import { SessionTable } from '../../server/gateway/session-table.js';
import { Turn } from '../../server/gateway/turn.js';
import type { Wire } from '../../server/gateway/wire.js';
import { HotCode } from '../../server/hot-code/hot-code.js';
import { newCounters } from '../../server/queues/counters.js';

const code = await HotCode.start(`${process.cwd()}/dist/server/hot-code/handlers.js`);

export interface SimulatedNodeParts {
  readonly name: string;
  readonly homes: number;
  readonly leaseMs: number;
  readonly table: LeaseTable;
  readonly connection: BusConnection;
  readonly scheduler: Scheduler;
  readonly random: () => number;
  makeStore(home: number, fenced: (reason: string) => void): KeptStore;
  log(line: string): void;
}

/** A node of a cluster as `ClusterWorker` makes it, but for what is around it: connections, NATS and logs are the test's. */
export class SimulatedNode {
  readonly name: string;
  readonly membership: LeasedMembership;
  readonly homes = new LocalHomes();
  readonly #bus: ClusterBus;
  readonly #sessions: SessionTable;
  readonly #gateway: Gateway;
  readonly #turn: Turn;
  readonly #keeper: LogKeeper;
  readonly #watch: HomeWatch;
  readonly #speak: (self: Peer) => Promise<void>;
  readonly #sweep: NodeJS.Timeout;
  hasJoined = false;

  constructor(parts: SimulatedNodeParts) {
    const { name, homes: count, leaseMs, table, connection, scheduler, random, log } = parts;
    this.name = name;
    const cluster = {
      nats: { servers: ['nats://nowhere'] },
      name: 'test',
      node: name,
      homes: count,
      replicas: 1,
    };
    const config = parseServerConfig({ store: 'jetstream', cluster: { ...cluster, replicas: 1, leaseMs } });
    const { limits } = config;
    const { homes } = this;
    const counters = newCounters();
    this.#bus = new ClusterBus({ connection, cluster: 'test', homes: count, trouble: log });
    const bus = this.#bus;
    const admission = new Admission(limits);
    const budget = new InboundBudget(bus.gateway, limits);
    const sessions = new SessionTable(limits, 0);
    const turn = new Turn({ homes, bus: bus.gateway, budget, mayRest: () => false, coalesceMs: 0 });
    const { sendsUnderWay } = admission;
    const router = new Router({ bus: bus.gateway, homes, sessions, budget, sendsUnderWay, turn });
    const limit = { connectionLimit: 1000, room: undefined };
    this.#gateway = new Gateway({
      config,
      ...limit,
      code,
      counters,
      sessions,
      admission,
      budget,
      router,
      turn,
    });
    this.#sessions = sessions;
    this.#turn = turn;
    const schedule = () => turn.schedule();
    const handOver = new HandOver({ bus, homes });
    const membership: LeasedMembership = new LeasedMembership({
      table,
      homes: count,
      replicas: 1,
      leaseMs,
      peer: { node: name, worker: 0, versions: BUS_VERSIONS, addresses: [] },
      log,
      scheduler,
      random,
      newLife: () => `${name} ${random()}`,
    });
    this.membership = membership;
    this.#keeper = new LogKeeper({
      connection: connection as NatsConnection,
      cluster: config.cluster as ClusterConfig,
      homes,
      folder: 'nowhere',
      log,
      partsOf: (home, epoch) => ({
        ...{ storeBytes: 1e9, bus: bus.home(home, epoch), counters, limits },
        mayBeReplaced: () => membership.mayBeReplaced,
      }),
      handOver: (home, epoch) => {
        this.#watch.moved({ home, owner: membership.self.number, epoch, state: 'moving' });
        return handOver.run(home, epoch, membership);
      },
      refused: (home, epoch, reason) => membership.reopen(home, epoch, reason),
      isHandedOn: () => false,
      schedule,
      makeStore: ({ home, fenced }) => parts.makeStore(home, fenced),
      disk: { mkdir: async () => undefined, rm: async () => undefined } as never,
    });
    this.#speak = (self) =>
      bus.join(self, {
        toHome: (home, message) => router.toHome(home, message),
        toConnection: (message, home) => router.toConnection(message, home),
        held: (home, epoch, peer) => handOver.held(home, epoch, peer),
        here: (home, epoch, peer) => {
          handOver.here(home, peer);
          homes.takeOver(home, epoch, bus.addressOf(peer));
          schedule();
        },
        gathered: () => router.gathered(),
        drained: () => router.drained(),
      });
    const watch = new HomeWatch({ membership, bus, homes, router, schedule, cameIn: this.#speak, log });
    this.#watch = watch;
    membership.watch({
      up: (peer) => {
        if (peer.number !== membership.self.number) handOver.up(peer.number);
        watch.up(peer);
      },
      down: (peer) => {
        handOver.down(peer.number);
        watch.down(peer);
      },
      moved: (place) => watch.moved(place),
      isolated: (isIsolated) => watch.isolated(isIsolated),
    });
    this.#sweep = setInterval(() => {
      this.#gateway.sweep();
      homes.sweep();
      schedule();
    }, 1000);
  }

  async start(): Promise<void> {
    await this.membership.join(this.#keeper);
    await this.#speak(this.membership.self);
    this.#watch.begin();
    this.hasJoined = true;
  }

  accept(wire: Wire): Session {
    return this.#sessions.add(wire, this.#gateway);
  }

  /** Hands its homes over, and says goodbye to its clients. */
  async leave(): Promise<void> {
    await this.membership.leave();
    this.#turn.end();
    for (const session of this.#sessions.values()) session.goodbye();
    this.stop();
  }

  stop(): void {
    clearInterval(this.#sweep);
  }
}
