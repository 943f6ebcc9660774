import { connect, type NatsConnection } from '@nats-io/transport-node';
import { expect } from 'vitest';
import type { BusMessage, ConnectionMessage, HomeMessage } from '../../server/bus/bus.js';
import { BUS_VERSIONS } from '../../server/cluster/bus-version.js';
import { ClusterBus, type ClusterBusOptions } from '../../server/cluster/cluster-bus.js';
import type { Peer } from '../../server/cluster/membership.js';
import type { BusConnection } from '../../server/cluster/peer-links.js';
import { afterEachTest } from './clean-up.js';
import type { NatsServer } from './nats-server.js';

export const HOMES = 16;

export function peerOf(number: number, versions: Peer['versions'] = BUS_VERSIONS): Peer {
  return { number, node: `node-${number}`, worker: 0, versions, addresses: [], isLeaving: false };
}

/** What a sender says to a home; `sequence` tells the order. */
export function numbered(from: number, sequence: number): HomeMessage {
  return { kind: 'acknowledge', user: from, worker: HOMES + from, connection: 1, sequence };
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** A process of a cluster that has a bus, and writes down what comes. Its turns end as those of a server do. */
export class TestPeer {
  readonly bus: ClusterBus;
  readonly connection: NatsConnection;
  readonly toHomes: { home: number; message: HomeMessage }[] = [];
  readonly toConnections: { home: number; message: ConnectionMessage }[] = [];
  readonly held: { home: number; epoch: number; peer: number }[] = [];
  readonly here: { home: number; epoch: number; peer: number }[] = [];
  readonly stuck: number[] = [];
  readonly troubles: string[] = [];
  /** Called for each message to a home, while what is in it is valid. */
  onHome: (home: number, message: HomeMessage) => void = () => undefined;
  #self: Peer;

  constructor(connection: NatsConnection, self: Peer, options: Partial<ClusterBusOptions>) {
    this.connection = connection;
    this.#self = self;
    this.bus = new ClusterBus({
      connection,
      cluster: 'test',
      homes: HOMES,
      stuck: (peer) => this.stuck.push(peer),
      trouble: (words) => this.troubles.push(words),
      ...options,
    });
  }

  get self(): Peer {
    return this.#self;
  }

  async join(self = this.#self): Promise<void> {
    this.#self = self;
    await this.bus.join(self, {
      toHome: (home, message) => {
        this.toHomes.push({ home, message });
        this.onHome(home, message);
      },
      toConnection: (message, home) => this.toConnections.push({ home, message }),
      held: (home, epoch, peer) => this.held.push({ home, epoch, peer }),
      here: (home, epoch, peer) => this.here.push({ home, epoch, peer }),
      gathered: () => setImmediate(() => this.bus.flush()),
      drained: () => undefined,
    });
  }

  /** Sends to a home as a connection of this process does. */
  send(home: number, sequence: number): void {
    this.bus.gateway.send(home, numbered(this.#self.number, sequence));
  }

  /** The numbers that a sender has said to homes of this peer, or to one of them. */
  sequencesFrom(sender: number, of?: number): number[] {
    return sequences(this.toHomes, sender, of);
  }

  /** The numbers that a home has told connections of this peer. */
  idsFrom(sender: number): number[] {
    return this.toConnections
      .filter(({ home, message }) => home === sender && message.kind === 'accepted')
      .map(({ message }) => (message.kind === 'accepted' ? message.id : -1));
  }
}

/** Of numbered messages, in their order. */
export function sequences(
  all: { home: number; message: BusMessage }[],
  sender: number,
  of?: number,
): number[] {
  const found: number[] = [];
  for (const { home, message } of all) {
    if (message.kind !== 'acknowledge' || message.user !== sender) continue;
    if (of === undefined || of === home) found.push(message.sequence);
  }
  return found;
}

const running: TestPeer[] = [];

export interface PeerOptions extends Partial<ClusterBusOptions> {
  versions?: Peer['versions'];
  /** What the bus has in place of the connection. */
  through?(connection: NatsConnection): BusConnection;
}

/** A peer that has joined, and knows nobody. It is ended after the test. */
export async function startPeer(
  server: NatsServer,
  number: number,
  { versions, through, ...options }: PeerOptions = {},
): Promise<TestPeer> {
  const connection = await connect({
    servers: `127.0.0.1:${server.endpoint.port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
  const bus = through ? { connection: through(connection) } : {};
  const peer = new TestPeer(connection, peerOf(number, versions), { ...options, ...bus });
  running.push(peer);
  await peer.join();
  return peer;
}

/** Peers 1, 2, … that know each other; home n is that of peer n % count + 1. */
export async function startPeers(
  server: NatsServer,
  count: number,
  options?: PeerOptions,
): Promise<TestPeer[]> {
  const peers = await Promise.all(upTo(count).map((number) => startPeer(server, number, options)));
  for (const peer of peers) {
    for (const other of peers) peer.bus.up(other.self);
    for (let home = 0; home < HOMES; home += 1) peer.bus.place(home, (home % count) + 1);
  }
  return peers;
}

/** Waits until others have confirmed what all of these have said. */
export async function quiet(peers: TestPeer[]): Promise<void> {
  await expect.poll(() => peers.map(({ bus }) => bus.waitingBytes)).toEqual(peers.map(() => 0));
}

afterEachTest('users', async () => {
  await Promise.all(
    running.splice(0).map(async ({ bus, connection }) => {
      await bus.close();
      await connection.close();
    }),
  );
});
