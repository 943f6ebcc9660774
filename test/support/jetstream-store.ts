import { connect, type NatsConnection } from '@nats-io/transport-node';
import { VALUE_OFFSET } from '../../server/store/home-store.js';
import { JetStreamStore, type JetStreamStoreOptions } from '../../server/store/jetstream/jetstream-store.js';
import { afterEachTest } from './clean-up.js';
import { testFolder } from './folder.js';
import { NatsCluster } from './nats-cluster.js';

const clusters: NatsCluster[] = [];
const connections: NatsConnection[] = [];
const stores: JetStreamStore[] = [];

/** Servers that keep the log. They are closed after the test. */
export async function testNatsCluster(servers: number): Promise<NatsCluster> {
  const cluster = await NatsCluster.start(servers);
  clusters.push(cluster);
  return cluster;
}

/** Connects as a node does: for as long as it takes. It is closed after the test. */
export async function testConnection(servers: string[]): Promise<NatsConnection> {
  const connection = await connect({
    servers,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    pingInterval: 1000,
    maxPingOut: 2,
  });
  connections.push(connection);
  return connection;
}

export interface TestStore {
  store: JetStreamStore;
  /** Why it was fenced, each time that it was told. */
  fenced: string[];
  lines: string[];
}

/** A store of home 7 with a local folder of its own, not open yet. It is closed after the test. */
export function testStore(
  connection: NatsConnection,
  options: Partial<JetStreamStoreOptions> = {},
): TestStore {
  const fenced: string[] = [];
  const lines: string[] = [];
  const store = new JetStreamStore({
    connection,
    cluster: 'test',
    home: 7,
    replicas: 1,
    maxBytes: 2 ** 30,
    snapshotBytes: 2 ** 30,
    folder: testFolder(),
    fenced: (reason) => fenced.push(reason),
    log: (line) => lines.push(line),
    ...options,
  });
  stores.push(store);
  return { store, fenced, lines };
}

/** Opens one. */
export async function openTestStore(
  connection: NatsConnection,
  epoch: number,
  options: Partial<JetStreamStoreOptions> = {},
): Promise<TestStore> {
  const sut = testStore(connection, options);
  await sut.store.open(epoch);
  return sut;
}

export function key(name: string): Buffer {
  return Buffer.from(name);
}

/** A value of these bytes, with the room that the store wants. */
export function value(text: string): Buffer {
  return Buffer.concat([Buffer.alloc(VALUE_OFFSET), Buffer.from(text)]);
}

export function textOf(bytes: Buffer | undefined): string | undefined {
  return bytes?.subarray(VALUE_OFFSET).toString();
}

/** All that a store has, by key. */
export function contents(store: JetStreamStore): Map<string, string> {
  return new Map(
    [...store.range(Buffer.alloc(0))].map((entry) => [entry.key.toString(), textOf(entry.value) as string]),
  );
}

/** Puts one entry in a turn of its own. */
export function put(store: JetStreamStore, name: string, text: string): Promise<void> {
  store.stage(key(name), value(text));
  return store.commit() as Promise<void>;
}

afterEachTest('users', async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
  await Promise.all(clusters.splice(0).map((cluster) => cluster.close()));
});
