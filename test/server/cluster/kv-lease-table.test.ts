import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import {
  connect,
  type Msg,
  type NatsConnection,
  type Status,
  type Subscription,
} from '@nats-io/transport-node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { KvLeaseTable } from '../../../server/cluster/kv-lease-table.js';
import { KvWatch } from '../../../server/cluster/kv-watch.js';
import type {
  LeaseTable,
  TableEntry,
  WhenWritten,
  WriteOutcome,
} from '../../../server/cluster/lease-table.js';
import { type NatsServer, startNatsServer } from '../../support/nats-server.js';

const PATIENT = { timeout: 30_000 };
const connections: NatsConnection[] = [];
const stops: (() => void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
});

async function connectionTo(server: NatsServer): Promise<NatsConnection> {
  const { host, port } = server.endpoint;
  const connection = await connect({
    servers: `${host}:${port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
  connections.push(connection);
  return connection;
}

async function tableOn(server: NatsServer): Promise<KvLeaseTable> {
  return KvLeaseTable.open(await connectionTo(server), {
    cluster: 'test',
    replicas: 1,
    log: () => undefined,
  });
}

function written(write: (done: WhenWritten) => void): Promise<WriteOutcome> {
  return new Promise((resolve) => write(resolve));
}

async function revisionOf(write: (done: WhenWritten) => void): Promise<number> {
  const outcome = await written(write);
  if (outcome.kind !== 'done') throw new Error(`not written: ${JSON.stringify(outcome)}`);
  return outcome.revision;
}

/** What somebody who watches knows. */
function follow(table: LeaseTable): {
  values: Map<string, unknown>;
  entries: TableEntry[];
  ready: Promise<void>;
} {
  const values = new Map<string, unknown>();
  const entries: TableEntry[] = [];
  const ready = new Promise<void>((resolve) => {
    stops.push(
      table.watch({
        changed: (entry) => {
          entries.push(entry);
          if (entry.value === undefined) values.delete(entry.key);
          else values.set(entry.key, entry.value);
        },
        ready: resolve,
      }),
    );
  });
  return { values, entries, ready };
}

/** The status of a connection to which nothing happens. */
async function* nothingHappens(): AsyncIterable<Status> {
  await new Promise(() => undefined);
}

/**
 * Two tables; the first reading of whoever watches the `fresh` one is told of the other, which stands in for what a server has that
 * has stayed behind.
 */
async function staleServer() {
  const connection = await connectionTo(await startNatsServer({ hasJetStream: true }));
  const open = (cluster: string): Promise<KvLeaseTable> =>
    KvLeaseTable.open(connection, { cluster, replicas: 1, log: () => undefined });
  // Names of one length, so that keys are cut off alike.
  const [fresh, stale] = [await open('fresh'), await open('stale')];
  const manager = await jetstreamManager(connection);
  let readings = 0;
  const add: JetStreamManager['consumers']['add'] = (stream, config) => {
    readings += 1;
    if (readings > 1) return manager.consumers.add(stream, config);
    return manager.consumers.add('KV_c2m-stale', { ...config, filter_subject: '$KV.c2m-stale.>' });
  };
  const parts = {
    connection,
    manager: Promise.resolve({ streams: manager.streams, consumers: { add } } as JetStreamManager),
    bucket: 'c2m-fresh',
    remake: () => Promise.resolve(),
  };
  return {
    fresh,
    both: async (write: (table: KvLeaseTable, done: WhenWritten) => void): Promise<void> => {
      for (const table of [fresh, stale]) await revisionOf((done) => write(table, done));
    },
    purgeFresh: (key: string) => manager.streams.purge('KV_c2m-fresh', { filter: `$KV.c2m-fresh.${key}` }),
    /** Resolves once it has been told what is in the stale one. */
    watchStale: async () => {
      const told: string[] = [];
      const entries: TableEntry[] = [];
      const watch = await new Promise<KvWatch>((resolve) => {
        const watching: KvWatch = new KvWatch(
          { ...parts, log: (words) => told.push(words) },
          { changed: (entry) => entries.push(entry), ready: () => resolve(watching) },
        );
      });
      stops.push(() => watch.stop());
      return { watch, told, entries };
    },
  };
}

describe('a lease table in NATS', () => {
  it('writes what is said to follow a revision only where it does', async () => {
    const table = await tableOn(await startNatsServer({ hasJetStream: true }));
    const first = await revisionOf((done) => table.create('home.1', { owner: 1 }, done));
    expect(await written((done) => table.create('home.1', {}, done))).toEqual({ kind: 'conflict' });
    const second = await revisionOf((done) => table.update('home.1', { owner: 2 }, first, done));
    expect(second).toBeGreaterThan(first);
    expect(await written((done) => table.update('home.1', {}, first, done))).toEqual({ kind: 'conflict' });
    expect(await written((done) => table.delete('home.1', first, done))).toEqual({ kind: 'conflict' });
    expect(await written((done) => table.delete('home.1', second, done))).toMatchObject({ kind: 'done' });
    expect(await written((done) => table.create('home.1', {}, done))).toMatchObject({ kind: 'done' });
  });

  it('tells what is there, then that this was all, then changes in their order, of each key the last', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const [table, other] = [await tableOn(server), await tableOn(server)];
    await revisionOf((done) => table.put('a', 1, done));
    await revisionOf((done) => table.put('b', 1, done));
    const seen = follow(other);
    await seen.ready;
    expect(seen.values).toEqual(
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
    );
    for (let count = 2; count <= 20; count += 1) await revisionOf((done) => table.put('a', count, done));
    await written((done) => table.delete('b', undefined, done));
    await expect.poll(() => seen.values, PATIENT).toEqual(new Map([['a', 20]]));
    const revisions = seen.entries.map(({ revision }) => revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    // A change that was followed by another before it was sent is not told: the bucket keeps one value of a key.
    const values = seen.entries.filter(({ key }) => key === 'a').map(({ value }) => value);
    expect(values).toEqual([...new Set(values)]);
    expect(values.at(-1)).toBe(20);
  });

  it('is ready at once where nothing is there', async () => {
    const table = await tableOn(await startNatsServer({ hasJetStream: true }));
    await follow(table).ready;
  });

  it('misses no change, though the server is killed again and again under changes', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const [table, other] = [await tableOn(server), await tableOn(server)];
    const seen = follow(other);
    await seen.ready;
    let isOver = false;
    const writing = (async () => {
      for (let count = 1; !isOver; count += 1) {
        const { kind } = await written((done) => table.put(`key.${count % 17}`, count, done));
        if (kind !== 'done') await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    for (let kill = 1; kill <= 3; kill += 1) {
      const before = seen.entries.length;
      await vi.waitFor(() => expect(seen.entries.length).toBeGreaterThan(before + 50), PATIENT);
      await server.kill();
      await expect.poll(() => other.isConnected, PATIENT).toBe(false);
      await server.start();
    }
    isOver = true;
    await writing;
    // What got no answer was written or not: whoever reads all of it now knows.
    const truth = follow(await tableOn(server));
    await truth.ready;
    expect(truth.values.size).toBe(17);
    await expect
      .poll(() => Object.fromEntries(seen.values), PATIENT)
      .toEqual(Object.fromEntries(truth.values));
    for (const key of truth.values.keys()) {
      const revisions = seen.entries.filter((entry) => entry.key === key).map(({ revision }) => revision);
      expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    }
  });

  it('refuses writes at once while the link is lost, and says so', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const table = await tableOn(server);
    await server.kill();
    await expect.poll(() => table.isConnected, PATIENT).toBe(false);
    expect(await written((done) => table.put('a', 1, done))).toMatchObject({ kind: 'unknown' });
  });

  it('tells that everything is gone when the bucket was deleted, and goes on with a new one', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const table = await tableOn(server);
    const seen = follow(table);
    await seen.ready;
    for (let count = 1; count <= 5; count += 1) await revisionOf((done) => table.put('a', count, done));
    await expect.poll(() => seen.values.get('a'), PATIENT).toBe(5);
    const manager = await jetstreamManager(connections[0] as NatsConnection);
    await manager.streams.delete('KV_c2m-test');
    const isBack = async (): Promise<boolean> =>
      (await written((done) => table.put('b', 'new', done))).kind === 'done';
    await expect.poll(isBack, PATIENT).toBe(true);
    await expect.poll(() => Object.fromEntries(seen.values), PATIENT).toEqual({ b: 'new' });
  });

  it('reads the table anew where the server that tells of its changes has stayed behind, and says that it is well', async () => {
    const { fresh, both, watchStale } = await staleServer();
    await both((table, done) => table.create('home.1', { owner: 1 }, done));
    const { watch, told, entries } = await watchStale();
    watch.wasWritten(await revisionOf((done) => fresh.update('home.1', { owner: 2 }, 1, done)));
    await expect.poll(() => entries.map(({ value }) => value)).toEqual([{ owner: 1 }, { owner: 2 }]);
    expect(told).toEqual([
      'the table of the cluster is read anew: the server that tells of its changes is behind',
    ]);
  });

  it('tells of peers before it tells which of them has which home, also where those have written since', async () => {
    const table = await tableOn(await startNatsServer({ hasJetStream: true }));
    const came = await revisionOf((done) => table.create('peer.2', { beat: 0 }, done));
    await revisionOf((done) => table.create('home.1', { owner: 2 }, done));
    // Of each key the last value is kept: this one stands behind the home.
    await revisionOf((done) => table.update('peer.2', { beat: 1 }, came, done));
    const { entries, ready } = follow(table);
    await ready;
    expect(entries.map(({ key, value }) => [key, value])).toEqual([
      ['peer.2', { beat: 1 }],
      ['home.1', { owner: 2 }],
    ]);
  });

  it('tells who has come and who has gone before all else that it has missed, deleted with a trace or without', async () => {
    const { fresh, both, purgeFresh, watchStale } = await staleServer();
    for (const peer of [1, 2]) await both((table, done) => table.create(`peer.${peer}`, { beat: 0 }, done));
    await both((table, done) => table.create('home.1', { owner: 1 }, done));
    await both((table, done) => table.create('pin.1', { node: 'ash' }, done));
    const { watch, entries } = await watchStale();
    entries.length = 0;
    await written((done) => fresh.update('home.1', { owner: 3 }, 3, done));
    await written((done) => fresh.delete('peer.1', undefined, done));
    await purgeFresh('peer.2');
    await purgeFresh('pin.1');
    watch.wasWritten(await revisionOf((done) => fresh.put('peer.3', { beat: 9 }, done)));
    await expect.poll(() => entries.length, PATIENT).toBe(5);
    const keys = entries.map(({ key }) => key);
    expect(keys.slice(0, 3).sort()).toEqual(['peer.1', 'peer.2', 'peer.3']);
    expect(keys.slice(3).sort()).toEqual(['home.1', 'pin.1']);
    const values = new Map(entries.map(({ key, value }) => [key, value]));
    expect(Object.fromEntries(values)).toEqual({
      'peer.1': undefined,
      'peer.2': undefined,
      'peer.3': { beat: 9 },
      'home.1': { owner: 3 },
      'pin.1': undefined,
    });
  });

  it('tells what has come after some seconds, where the server never says that this was all', async () => {
    vi.useFakeTimers();
    stops.push(() => vi.useRealTimers());
    const keys: string[] = [];
    let hear: (subject: string, place: string) => void = () => undefined;
    const subscribe: NatsConnection['subscribe'] = (_inbox, options) => {
      hear = (subject, place) =>
        options?.callback?.(null, {
          subject,
          reply: `$JS.ACK.S.C.1.${place}`,
          json: () => ({}),
        } as unknown as Msg);
      return { unsubscribe: () => undefined } as Subscription;
    };
    const connection = {
      subscribe,
      isClosed: () => false,
      status: nothingHappens,
    };
    const manager = {
      streams: { info: async () => ({}) },
      consumers: { add: async () => ({ num_pending: 2 }) },
    };
    const watch = new KvWatch(
      {
        connection: connection as unknown as NatsConnection,
        manager: Promise.resolve(manager as unknown as JetStreamManager),
        bucket: 'c2m-test',
        remake: () => Promise.resolve(),
        log: () => undefined,
      },
      { changed: ({ key }) => keys.push(key), ready: () => undefined },
    );
    stops.push(() => watch.stop());
    await vi.advanceTimersByTimeAsync(0);
    // Revision, number of the delivery, time, and how many are to come: always one.
    hear('$KV.c2m-test.home.1', '1.1.0.1');
    for (let delivered = 2; delivered <= 6; delivered += 1) {
      await vi.advanceTimersByTimeAsync(1000);
      hear('$KV.c2m-test.peer.1', `${delivered}.${delivered}.0.1`);
    }
    expect(keys).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(keys).toEqual(['peer.1', 'home.1']);
    hear('$KV.c2m-test.home.1', '7.7.0.1');
    expect(keys.slice(2)).toEqual(['home.1']);
  });

  it('has those who watch look out for what was written, also where another did it and a write is refused for that', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const [table, other] = [await tableOn(server), await tableOn(server)];
    const lookedOutFor = vi.spyOn(KvWatch.prototype, 'wasWritten');
    await follow(table).ready;
    const first = await revisionOf((done) => table.create('home.1', { owner: 1 }, done));
    expect(lookedOutFor).toHaveBeenLastCalledWith(first);
    const second = await revisionOf((done) => other.update('home.1', { owner: 2 }, first, done));
    await new Promise((resolve) => table.update('home.1', {}, first, resolve));
    expect(lookedOutFor).toHaveBeenLastCalledWith(second);
  });
});
