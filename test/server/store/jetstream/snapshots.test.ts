import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { StoreError } from '../../../../server/store/home-store.js';
import type { JetStreamStore } from '../../../../server/store/jetstream/jetstream-store.js';
import { logNames } from '../../../../server/store/jetstream/names.js';
import {
  contents,
  openTestStore,
  put,
  type TestStore,
  testConnection,
  testStore,
} from '../../../support/jetstream-store.js';
import { startNatsServer } from '../../../support/nats-server.js';

const SNAPSHOT_BYTES = 100_000;
const names = logNames('test', 7);

async function connectToServer(): Promise<NatsConnection> {
  const { endpoint } = await startNatsServer({ hasJetStream: true });
  return testConnection([`nats://127.0.0.1:${endpoint.port}`]);
}

async function snapshotsOf(connection: NatsConnection): Promise<number> {
  const bucket = await new Objm(jetstream(connection)).open(names.bucket);
  const found = await Promise.all(names.slots.map((slot) => bucket.info(slot)));
  return found.filter((each) => each !== null).length;
}

/** Writes until there is a snapshot more, and its log is behind it. */
async function writeUntilSnapshot(connection: NatsConnection, store: JetStreamStore): Promise<void> {
  const manager = await jetstreamManager(connection);
  const bucket = await new Objm(jetstream(connection)).open(names.bucket);
  const newest = async (): Promise<number> =>
    Math.max(
      ...(await Promise.all(names.slots.map((slot) => bucket.info(slot)))).map((each) => each?.revision ?? 0),
    );
  const before = await newest();
  let turn = 0;
  await expect
    .poll(async () => {
      for (let count = 0; count < 20; count += 1) {
        turn += 1;
        await put(store, `key ${turn % 50}`, `${before} ${turn} ${'x'.repeat(2000)}`);
      }
      return newest();
    })
    .toBeGreaterThan(before);
  await expect.poll(() => store.log.bytesBehindSnapshot).toBeLessThan(2 * SNAPSHOT_BYTES);
  await manager.streams.info(names.stream);
}

async function withSnapshots(connection: NatsConnection, count: number): Promise<TestStore> {
  const sut = await openTestStore(connection, 1, { snapshotBytes: SNAPSHOT_BYTES });
  for (let made = 0; made < count; made += 1) await writeUntilSnapshot(connection, sut.store);
  return sut;
}

test('a takeover reads the last snapshot and no more of the log than is behind it', async () => {
  const connection = await connectToServer();
  const { store, lines } = await withSnapshots(connection, 3);
  await put(store, 'last', 'one');
  const expected = contents(store);
  await store.close();
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(names.stream);
  // What the older one of the two covers as well is gone.
  expect(state.first_seq).toBeGreaterThan(1);

  const next = await openTestStore(connection, 2, { snapshotBytes: SNAPSHOT_BYTES });
  expect(contents(next.store)).toEqual(expected);
  const { snapshotBytes, records, bytes } = next.store.takeover;
  expect(snapshotBytes).toBeGreaterThan(0);
  expect(records).toBeLessThan(state.last_seq - state.first_seq);
  expect(bytes).toBeLessThan(3 * SNAPSHOT_BYTES);
  expect(lines).toEqual([]);
});

test('commits go on while a snapshot is made', async () => {
  const connection = await connectToServer();
  const { store } = await openTestStore(connection, 1, { snapshotBytes: SNAPSHOT_BYTES });
  const commits: Promise<void>[] = [];
  for (let turn = 0; turn < 2000; turn += 1) {
    commits.push(put(store, `key ${turn % 50}`, `${turn} ${'x'.repeat(1000)}`));
    if (turn % 20 === 0) await commits.at(-1);
  }
  await Promise.all(commits);
  await expect.poll(() => snapshotsOf(connection)).toBeGreaterThan(0);
  const expected = contents(store);
  await store.close();
  const next = await openTestStore(connection, 2, { snapshotBytes: SNAPSHOT_BYTES });
  expect(contents(next.store)).toEqual(expected);
});

/** Takes a chunk of the newest snapshot out of the object store. */
async function damageSnapshot(connection: NatsConnection, isNewest: boolean): Promise<void> {
  const bucket = await new Objm(jetstream(connection)).open(names.bucket);
  const infos = await Promise.all(names.slots.map((slot) => bucket.info(slot)));
  const [older, newest] = infos
    .filter((each) => each !== null)
    .sort((one, other) => Number(one.metadata?.sequence) - Number(other.metadata?.sequence));
  const damaged = isNewest ? newest : older;
  const manager = await jetstreamManager(connection);
  const stream = `OBJ_${names.bucket}`;
  const chunk = await manager.streams.getMessage(stream, {
    last_by_subj: `$O.${names.bucket}.C.${damaged?.nuid}`,
  });
  // Another of the same length in its place.
  const { data, seq, subject } = chunk as NonNullable<typeof chunk>;
  await jetstream(connection).publish(
    subject,
    data.map((byte) => byte ^ 1),
  );
  await manager.streams.deleteMessage(stream, seq);
}

test('where the last snapshot is damaged, the one before and the log behind it give the same', async () => {
  const connection = await connectToServer();
  const { store } = await withSnapshots(connection, 3);
  const expected = contents(store);
  await store.close();
  await damageSnapshot(connection, true);

  const next = await openTestStore(connection, 2);
  expect(contents(next.store)).toEqual(expected);
  expect(next.lines.join()).toContain('the one before is tried');
});

test('where no snapshot is whole and the log has lost its beginning, it is said, and nothing is made up', async () => {
  const connection = await connectToServer();
  const { store } = await withSnapshots(connection, 3);
  await store.close();
  await damageSnapshot(connection, true);
  await damageSnapshot(connection, false);

  const next = testStore(connection);
  await expect(next.store.open(2)).rejects.toThrow(StoreError);
  await expect(testStore(connection).store.open(3)).rejects.toThrow(/no whole snapshot/);
});

test('where the log was lost and its snapshot was not, it is said each time, and the log stays as it is', async () => {
  const connection = await connectToServer();
  const { store } = await withSnapshots(connection, 1);
  await store.close();
  const manager = await jetstreamManager(connection);
  await manager.streams.delete(names.stream);
  for (const epoch of [2, 3]) {
    const next = await testStore(connection);
    await expect(next.store.open(epoch)).rejects.toThrow(/was lost or made anew/);
  }
  expect((await manager.streams.info(names.stream)).state.last_seq).toBe(0);
});

test('where the only snapshot is damaged and the log has its beginning, the log is enough', async () => {
  const connection = await connectToServer();
  const { store } = await withSnapshots(connection, 1);
  const expected = contents(store);
  await store.close();
  const bucket = await new Objm(jetstream(connection)).open(names.bucket);
  for (const slot of names.slots) await bucket.delete(slot);

  const next = await openTestStore(connection, 2);
  expect(contents(next.store)).toEqual(expected);
  expect(next.store.takeover.snapshotBytes).toBe(0);
});

test('a message of the log that is not what was written is told of, and the home not opened', async () => {
  const connection = await connectToServer();
  const { store } = await openTestStore(connection, 1);
  await put(store, 'a', 'one');
  await store.close();
  await jetstream(connection).publish(names.subject, new Uint8Array(100));
  await expect(testStore(connection).store.open(2)).rejects.toThrow(/message 3 is no record of a home/);
});

test('a message that is missing within the log is told of, and the home not opened', async () => {
  const connection = await connectToServer();
  const { store } = await openTestStore(connection, 1);
  for (let turn = 0; turn < 5; turn += 1) await put(store, 'a', String(turn));
  await store.close();
  const manager = await jetstreamManager(connection);
  await manager.streams.deleteMessage(names.stream, 3);
  await expect(testStore(connection).store.open(2)).rejects.toThrow(/messages 3 to 3 are missing/);
});
