import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { StoreFailure } from '../../../../server/store/home-store.js';
import { logNames } from '../../../../server/store/jetstream/names.js';
import {
  contents,
  key,
  openTestStore,
  put,
  type TestStore,
  testConnection,
  testNatsCluster,
} from '../../../support/jetstream-store.js';
import { startNatsServer } from '../../../support/nats-server.js';

const { stream, bucket } = logNames('test', 7);

/** Commits turns that only make sense in their order, several under way, until it is told to stop. */
class Writer {
  readonly #sut: TestStore;
  readonly done: number[] = [];
  readonly failed: unknown[] = [];
  #turn = 0;
  #underWay = 0;
  #isOver = false;

  constructor(sut: TestStore, window = 16) {
    this.#sut = sut;
    for (let count = 0; count < window; count += 1) this.#next();
  }

  get turns(): number {
    return this.#turn;
  }

  /** Begins no more; resolves once all have settled. */
  async end(): Promise<void> {
    this.#isOver = true;
    await expect.poll(() => this.#underWay, { timeout: 60_000 }).toBe(0);
  }

  #next(): void {
    this.#turn += 1;
    const turn = this.#turn;
    this.#underWay += 1;
    const { store } = this.#sut;
    store.stage(key(`turn ${turn}`), Buffer.from(`----${turn}`));
    put(store, 'last', String(turn)).then(
      () => this.#settle(() => this.done.push(turn)),
      (error: unknown) => this.#settle(() => this.failed.push(error)),
    );
  }

  #settle(act: () => void): void {
    act();
    setImmediate(() => {
      this.#underWay -= 1;
      if (!this.#isOver) this.#next();
    });
  }
}

function expected(turns: number): Map<string, string> {
  const all = Array.from({ length: turns }, (_, at) => [`turn ${at + 1}`, String(at + 1)] as const);
  return new Map([...all, ['last', String(turns)]]);
}

/** All turns are done in order, and in the store, here and for whoever takes over. */
async function expectAllKept(connection: NatsConnection, sut: TestStore, writer: Writer): Promise<void> {
  expect(writer.failed).toEqual([]);
  expect(writer.done).toEqual(Array.from({ length: writer.turns }, (_, at) => at + 1));
  expect(contents(sut.store)).toEqual(expected(writer.turns));
  expect(sut.fenced).toEqual([]);
  await sut.store.close();
  const next = await openTestStore(connection, 1000);
  expect(next.store.log.lastSequence).toBeGreaterThan(sut.store.log.lastSequence);
  expect(contents(next.store)).toEqual(expected(writer.turns));
}

test('a server that is killed and started again loses and doubles nothing that is under way', async () => {
  const server = await startNatsServer({ hasJetStream: true });
  const connection = await testConnection([`nats://127.0.0.1:${server.endpoint.port}`]);
  const sut = await openTestStore(connection, 1);
  const writer = new Writer(sut);
  for (let round = 1; round <= 3; round += 1) {
    const before = writer.done.length;
    await expect.poll(() => writer.done.length).toBeGreaterThan(before + 200);
    await server.kill();
    await server.start();
  }
  const before = writer.done.length;
  await expect.poll(() => writer.done.length, { timeout: 60_000 }).toBeGreaterThan(before + 200);
  await writer.end();
  await expectAllKept(connection, sut, writer);
});

test('the leader of a replicated stream that is killed under commits loses and doubles nothing', {
  timeout: 180_000,
}, async () => {
  const cluster = await testNatsCluster(3);
  const connection = await testConnection(cluster.urls);
  const sut = await openTestStore(connection, 1, { replicas: 3 });
  const writer = new Writer(sut);
  const manager = await jetstreamManager(connection);
  for (let round = 1; round <= 3; round += 1) {
    const before = writer.done.length;
    await expect.poll(() => writer.done.length, { timeout: 60_000 }).toBeGreaterThan(before + 200);
    const { cluster: members } = await manager.streams.info(stream);
    const leader = [0, 1, 2].find((each) => cluster.nameOf(each) === members?.leader) as number;
    await cluster.kill(leader);
    // Two of three go on.
    const then = writer.done.length;
    await expect.poll(() => writer.done.length, { timeout: 60_000 }).toBeGreaterThan(then + 200);
    await cluster.start(leader);
    await expect
      .poll(
        async () => {
          const info = await manager.streams.info(stream).catch(() => undefined);
          return info?.cluster?.replicas?.every((each) => each.current && !each.offline);
        },
        { timeout: 60_000 },
      )
      .toBe(true);
  }
  await writer.end();
  await expectAllKept(connection, sut, writer);
});

test('a server that is stopped for longer than an answer may take, and goes on, doubles nothing', async () => {
  const cluster = await testNatsCluster(1);
  const connection = await testConnection(cluster.urls);
  const sut = await openTestStore(connection, 1);
  const writer = new Writer(sut);
  await expect.poll(() => writer.done.length).toBeGreaterThan(200);
  cluster.stop(0);
  await expect.poll(() => sut.lines.length, { timeout: 30_000 }).toBeGreaterThan(0);
  cluster.resume(0);
  const before = writer.done.length;
  await expect.poll(() => writer.done.length, { timeout: 60_000 }).toBeGreaterThan(before + 200);
  await writer.end();
  await expectAllKept(connection, sut, writer);
});

test('a stream that is full keeps nothing of what is under way, says so, and goes on once there is a snapshot', async () => {
  const server = await startNatsServer({ hasJetStream: true });
  const connection = await testConnection([`nats://127.0.0.1:${server.endpoint.port}`]);
  const sut = await openTestStore(connection, 1);
  const manager = await jetstreamManager(connection);
  await manager.streams.update(stream, { max_bytes: 100_000 });
  const text = 'x'.repeat(10_000);
  const kept = new Map<string, string>();
  const failures: unknown[] = [];
  const commits = Array.from({ length: 30 }, (_, turn) =>
    put(sut.store, `turn ${turn}`, text).then(
      () => kept.set(`turn ${turn}`, text),
      (error: unknown) => failures.push(error),
    ),
  );
  await Promise.all(commits);

  expect(failures.length).toBeGreaterThan(0);
  for (const failure of failures) {
    expect(failure).toBeInstanceOf(StoreFailure);
    expect((failure as StoreFailure).isFull).toBe(true);
  }
  // The first of them, and none behind one that failed.
  expect([...kept.keys()]).toEqual(Array.from({ length: kept.size }, (_, turn) => `turn ${turn}`));
  expect(contents(sut.store)).toEqual(kept);

  // What it holds is in a snapshot, so that the log has room for what makes room.
  await expect.poll(() => sut.store.isFull).toBe(false);
  for (const name of kept.keys()) {
    sut.store.stage(key(name));
    await sut.store.commit();
  }
  await put(sut.store, 'last', 'one');
  await sut.store.close();
  const next = await openTestStore(connection, 2);
  expect(contents(next.store)).toEqual(new Map([['last', 'one']]));
  expect(sut.fenced).toEqual([]);
});

test('a log that has grown past its bound without a snapshot refuses turns before they are sent', async () => {
  const server = await startNatsServer({ hasJetStream: true });
  const connection = await testConnection([`nats://127.0.0.1:${server.endpoint.port}`]);
  const sut = await openTestStore(connection, 1, { maxBytes: 100_000, snapshotBytes: 10_000 });
  const manager = await jetstreamManager(connection);
  // Without the bucket there are no snapshots.
  await manager.streams.delete(`OBJ_${bucket}`);
  const write = async (): Promise<void> => {
    for (let turn = 0; turn < 200; turn += 1) await put(sut.store, 'same', 'x'.repeat(2000));
  };
  await expect(write()).rejects.toThrow(StoreFailure);
  expect(sut.store.isFull).toBe(true);
  expect(sut.lines.join()).toContain('no snapshot');
});
