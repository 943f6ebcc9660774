import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FencedError } from '../../../../server/store/jetstream/fenced-error.js';
import {
  contents,
  key,
  openTestStore,
  put,
  testConnection,
  testStore,
  textOf,
  value,
} from '../../../support/jetstream-store.js';
import { startNatsServer } from '../../../support/nats-server.js';

async function connectToServer(): Promise<Awaited<ReturnType<typeof testConnection>>> {
  const { endpoint } = await startNatsServer({ hasJetStream: true });
  return testConnection([`nats://127.0.0.1:${endpoint.port}`]);
}

test('what was committed is read at once, and by whoever takes the home over', async () => {
  const connection = await connectToServer();
  const { store } = await openTestStore(connection, 1);
  store.stage(key('a'), value('one'));
  store.stage(key('b'), value('two'));
  const commit = store.commit();
  expect(store.get(key('a'))).toBeUndefined();
  await commit;
  expect(textOf(store.get(key('a')))).toBe('one');
  await put(store, 'a', 'three');
  store.stage(key('b'));
  await store.commit();
  await store.close();

  const next = await openTestStore(connection, 2);
  expect(contents(next.store)).toEqual(new Map([['a', 'three']]));
  expect(next.store.takeover.records).toBe(5);
});

test('what is staged and discarded is not kept, and a turn without changes is done already', async () => {
  const connection = await connectToServer();
  const { store } = await openTestStore(connection, 1);
  store.stage(key('a'), value('one'));
  expect(store.staged).toBe(1);
  store.discard();
  expect(store.staged).toBe(0);
  expect(store.commit()).toBeUndefined();
  expect(contents(store).size).toBe(0);
});

test('turns that are under way together are kept in the order of their commits', async () => {
  const connection = await connectToServer();
  const { store } = await openTestStore(connection, 1);
  const done: number[] = [];
  const commits = Array.from({ length: 500 }, (_, turn) =>
    put(store, 'last', String(turn)).then(() => done.push(turn)),
  );
  expect(store.log.underWay).toBe(500);
  await Promise.all(commits);
  expect(done).toEqual(Array.from({ length: 500 }, (_, turn) => turn));
  expect(textOf(store.get(key('last')))).toBe('499');
  expect(store.log.underWay).toBe(0);
  // What waits goes together: a replicated append costs much the same whatever is in it.
  expect(store.log.lastSequence).toBeLessThan(100);
  expect(store.usage()).toMatchObject({ commits: 500 });
});

test('an owner that was replaced is told so once, keeps nothing more, and its commits do not settle', async () => {
  const connection = await connectToServer();
  const stale = await openTestStore(connection, 1);
  await put(stale.store, 'a', 'one');
  const owner = await openTestStore(connection, 2);

  const settled: number[] = [];
  for (let turn = 0; turn < 10; turn += 1)
    put(stale.store, `stale ${turn}`, 'x').finally(() => settled.push(turn));
  await expect.poll(() => stale.fenced).toHaveLength(1);
  put(stale.store, 'later', 'x').finally(() => settled.push(99));
  // The owner goes on, over what the other had under way behind its fence.
  for (let turn = 0; turn < 10; turn += 1) await put(owner.store, `own ${turn}`, String(turn));
  await owner.store.close();

  const next = await openTestStore(connection, 3);
  const expected = Array.from({ length: 10 }, (_, turn) => [`own ${turn}`, String(turn)] as const);
  expect(contents(next.store)).toEqual(new Map([['a', 'one'], ...expected]));
  expect(stale.fenced).toHaveLength(1);
  expect(settled).toEqual([]);
  expect(owner.fenced).toEqual([]);
});

test('an owner of a lower epoch than one that was there is refused', async () => {
  const connection = await connectToServer();
  const owner = await openTestStore(connection, 5);
  await put(owner.store, 'a', 'one');
  const late = testStore(connection);
  await expect(late.store.open(4)).rejects.toThrow(FencedError);
  await put(owner.store, 'a', 'two');
  expect(owner.fenced).toEqual([]);
});

test('a turn that is larger than a message of NATS is kept whole', async () => {
  const connection = await connectToServer();
  const { store } = await openTestStore(connection, 1);
  const large = Array.from({ length: 40 }, (_, index) => String(index % 10).repeat(100_000));
  for (const [index, text] of large.entries()) store.stage(key(`large ${index}`), value(text));
  const commit = store.commit();
  const small = put(store, 'small', 'x');
  await Promise.all([commit, small]);
  await store.close();

  const next = await openTestStore(connection, 2);
  for (const [index, text] of large.entries())
    expect(textOf(next.store.get(key(`large ${index}`))) === text).toBe(true);
  expect(textOf(next.store.get(key('small')))).toBe('x');
});

test('after random turns and takeovers, with and without snapshots, the state is that of a sorted map', async () => {
  const connection = await connectToServer();
  const change = fc.record({
    name: fc.integer({ min: 0, max: 20 }).map((each) => `key ${each}`),
    text: fc.option(fc.string({ maxLength: 2000 }), { nil: undefined }),
  });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('turn' as const),
        changes: fc.array(change, { minLength: 1, maxLength: 6 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeover' as const), isStale: fc.boolean() }) },
  );
  let home = 100;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      home += 1;
      const model = new Map<string, string>();
      let epoch = 1;
      const options = { home, snapshotBytes: 5000 };
      let owner = await openTestStore(connection, epoch, options);
      let commits: (Promise<void> | undefined)[] = [];
      const stale: (typeof owner)[] = [];
      for (const each of steps) {
        if (each.kind === 'turn') {
          for (const { name, text } of each.changes) {
            owner.store.stage(key(name), text === undefined ? undefined : value(text));
            if (text === undefined) model.delete(name);
            else model.set(name, text);
          }
          commits.push(owner.store.commit());
        } else {
          await Promise.all(commits);
          commits = [];
          if (each.isStale) stale.push(owner);
          else await owner.store.close();
          epoch += 1;
          owner = await openTestStore(connection, epoch, options);
          for (const { store } of stale) put(store, 'key 1', 'of a stale owner');
        }
      }
      await Promise.all(commits);
      expect(contents(owner.store)).toEqual(model);
      await owner.store.close();
      for (const { store } of stale) await store.close();
    }),
    { numRuns: 15 },
  );
});
