import { afterEach, describe, expect, test, vi } from 'vitest';
import { MemoryStore } from '../../../server/store/memory-store.js';
import { itemKey, KeyKind, numbersKey } from '../../../server/store/store-keys.js';
import { FakeStore } from '../../support/fake-store.js';
import { frameOf, type TestHome, testHome } from '../../support/home.js';

const ANNA = 1;
const BERT = 2;
const DAY_MS = 24 * 3600 * 1000;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Time goes on by this much, as the machine's steady clock tells it. */
function later(ms: number): void {
  const at = performance.now() + ms;
  vi.spyOn(performance, 'now').mockImplementation(() => at);
}

async function turn(sut: TestHome, store: FakeStore): Promise<void> {
  sut.home.commit();
  await store.keep(0);
}

async function sweep(sut: TestHome, store: FakeStore): Promise<void> {
  await turn(sut, store);
  sut.home.sweep();
  await turn(sut, store);
}

describe('a start under a clock that is wrong', () => {
  test.each([31 * DAY_MS, -40 * DAY_MS])(
    'by %i ms makes nothing old, nor does the one after it',
    async (wrongMs) => {
      const store = new FakeStore();
      const sut = testHome(store);
      sut.submit(ANNA, BERT, 1);
      await sweep(sut, store);

      const origin = performance.timeOrigin;
      for (const timeOrigin of [origin + wrongMs, origin]) {
        vi.spyOn(performance, 'timeOrigin', 'get').mockReturnValue(timeOrigin);
        const started = testHome(store);
        await sweep(started, store);
        expect(started.counters.expired).toBe(0);
        expect(started.home.mailboxes.length).toBe(1);
      }
    },
  );
});

const GROUP = 100;

function make(sut: TestHome, id: number, members: number[]): void {
  sut.home.receive({ kind: 'group', user: ANNA, worker: 0, connection: ANNA, group: GROUP, id, members });
}

function write(sut: TestHome, from: number, id: number): void {
  const payload = Buffer.from('hello');
  sut.home.receive({ kind: 'submit-to-group', from, worker: 0, connection: from, group: GROUP, id, payload });
}

describe('a group that is written to', () => {
  const MEMBERS = [ANNA, BERT, 3, 4, 5];

  test.each(['durable', 'memory'])(
    'forgets in time who has written before, and goes on counting (%s)',
    async (kind) => {
      const durable = new FakeStore();
      const memory = new MemoryStore();
      const sut = testHome(kind === 'durable' ? durable : memory);
      const kept = async () => {
        sut.home.commit();
        if (kind === 'durable') await durable.keep(0);
      };
      make(sut, 1, MEMBERS);
      for (const from of MEMBERS) write(sut, from, 2);
      await kept();
      for (let fortnight = 1; fortnight <= 5; fortnight += 1) {
        later(14 * DAY_MS);
        await kept();
        write(sut, ANNA, 2 + fortnight);
        await kept();
        sut.home.sweep();
        await kept();
      }
      // Two that came before: one of a member whom the group has forgotten, one of a member whom it remembers.
      sut.attach(BERT);
      sut.take();
      write(sut, 3, 2);
      write(sut, ANNA, 7);
      await kept();

      const delivered = sut
        .take()
        .flatMap((message) => (message.kind === 'deliver' ? [frameOf(message.frame)] : []));
      expect(
        delivered.map((frame) => ('number' in frame ? [frame.number, frame.from, frame.id] : [])),
      ).toContainEqual([MEMBERS.length + 6, 3, 2]);
      expect(sut.counters.repeated).toBe(1);
      if (kind === 'durable') expect(durable.count(numbersKey(KeyKind.GroupSender, GROUP))).toBe(2);
    },
  );
});

describe('a group that is made anew', () => {
  test('once the old one has gone, reaches the members that the old one had', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    const CARL = 3;
    make(sut, 1, [ANNA, BERT]);
    sut.attach(BERT);
    for (let id = 2; id <= 4; id += 1) write(sut, ANNA, id);
    await turn(sut, store);
    sut.acknowledge(BERT, 3);
    await turn(sut, store);
    later(70 * DAY_MS);
    await turn(sut, store);
    for (let round = 0; round < 6; round += 1) await sweep(sut, store);
    sut.submit(CARL, BERT, 1);
    await turn(sut, store);
    sut.take();

    make(sut, 10, [ANNA, BERT]);
    write(sut, ANNA, 11);
    await turn(sut, store);

    expect(sut.take().filter(({ kind }) => kind === 'deliver')).toHaveLength(1);
  });
});

describe('windows in memory', () => {
  test('go once they are old', async () => {
    const store = new MemoryStore();
    const sut = testHome(store, { newRecipientsPerSecond: 0 });
    for (let user = 1; user <= 60_000; user += 1) {
      sut.submit(ANNA, 1000 + user, user);
      sut.attach(1000 + user);
      sut.acknowledge(1000 + user, 1);
      sut.detach(1000 + user);
      if (user % 100 === 0) sut.home.commit();
    }
    sut.home.commit();
    const before = store.goRound(1_000_000).length;
    store.goRound(1);
    expect(before).toBeGreaterThan(5000);
    later(31 * DAY_MS);
    sut.home.commit();
    for (let second = 0; second < 300; second += 1) {
      sut.home.sweep();
      sut.home.commit();
    }
    store.goRound(1_000_000);

    expect(store.goRound(1_000_000).length).toBeLessThan(before / 10);
  });
});

describe('what nobody has come for', () => {
  test('is there again, and goes the next time, where its deletion was not kept', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    for (let id = 1; id <= 3; id += 1) sut.submit(ANNA, BERT, id);
    await turn(sut, store);
    later(31 * DAY_MS);
    await turn(sut, store);
    sut.home.sweep();
    sut.home.commit();
    await store.fail();
    expect(sut.counters.expired).toBe(0);

    later(DAY_MS);
    sut.home.commit();
    sut.home.sweep();
    sut.submit(ANNA, 3, 4);
    await turn(sut, store);
    await sweep(sut, store);

    expect(sut.counters.expired).toBe(3);
    expect([...store.kept.keys()].filter((key) => key.charCodeAt(0) === KeyKind.Item)).toHaveLength(1);
    expect(sut.home.mailboxes.length).toBe(1);
  });

  test('goes also where it lies behind something that is damaged', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    for (let id = 1; id <= 3; id += 1) sut.submit(ANNA, BERT, id);
    await turn(sut, store);
    store.kept.delete(itemKey(BERT, 1).toString('latin1'));
    later(31 * DAY_MS);
    await turn(sut, store);

    await sweep(testHome(store), store);

    expect([...store.kept.keys()].filter((key) => key.charCodeAt(0) === KeyKind.Item)).toEqual([]);
  });

  test('is kept however far somebody sets the wall clock ahead', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    sut.submit(ANNA, BERT, 1);
    await turn(sut, store);

    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 31 * DAY_MS);
    await sweep(sut, store);

    expect(sut.counters.expired).toBe(0);
    expect(sut.home.mailboxes.length).toBe(1);
  });

  test('goes once it is older than the retention time, and what is younger stays', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    sut.submit(ANNA, BERT, 1);
    await turn(sut, store);
    later(20 * DAY_MS);
    await turn(sut, store);
    sut.submit(ANNA, BERT, 2);
    await turn(sut, store);
    later(11 * DAY_MS);

    await sweep(sut, store);

    expect(sut.counters.expired).toBe(1);
    sut.attach(BERT);
    expect(sut.take().filter((message) => message.kind === 'deliver')).toMatchObject([{ sequence: 2 }]);
  });

  test('goes for a user who stays connected and acknowledges nothing as well', async () => {
    const store = new FakeStore();
    const sut = testHome(store, { deliveryWindow: 1 });
    sut.attach(BERT);
    for (const id of [1, 2, 3]) sut.submit(ANNA, BERT, id);
    await turn(sut, store);
    later(31 * DAY_MS);

    await sweep(sut, store);

    expect(sut.counters.expired).toBe(3);
    expect(sut.home.mailboxes).toMatchObject({ length: 0, waiting: 0 });
    // Those that come next are delivered.
    sut.take();
    sut.submit(ANNA, BERT, 4);
    await turn(sut, store);
    expect(sut.take().map(({ kind }) => kind)).toEqual(['accepted', 'deliver']);
  });
});

describe('what was never used again', () => {
  test('is forgotten: who wrote to whom after the retention time, a group after twice that', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    sut.attach(BERT);
    sut.submit(ANNA, BERT, 1);
    sut.home.receive({
      kind: 'group',
      user: ANNA,
      worker: 0,
      connection: 1,
      group: 5,
      id: 2,
      members: [ANNA],
    });
    await turn(sut, store);
    sut.acknowledge(BERT, 1);
    await turn(sut, store);
    sut.attach(ANNA);
    sut.acknowledge(ANNA, 1);
    await turn(sut, store);
    const kinds = () =>
      [...store.kept.keys()]
        .map((key) => key.charCodeAt(0))
        .filter((kind) => kind !== KeyKind.Clock)
        .sort();
    expect(kinds()).toEqual([KeyKind.Window, KeyKind.Group]);

    later(31 * DAY_MS);
    await sweep(sut, store);
    expect(kinds()).toEqual([KeyKind.Group]);

    later(30 * DAY_MS);
    await sweep(sut, store);
    await sweep(sut, store);
    expect(store.count(numbersKey(KeyKind.Group))).toBe(0);
  });
});

test('a mailbox counts from 1 again before its sequences run out, once it is empty and its user comes anew', async () => {
  const store = new FakeStore();
  const sut = testHome(store);
  sut.attach(BERT);
  const mailbox = sut.home.mailboxes.table.open(BERT);
  Object.assign(mailbox, {
    lastSequence: 0xffff_fffe,
    promisedSequence: 0xffff_fffe,
    sentSequence: 0xffff_fffe,
    acknowledged: 0xffff_fffe,
    highestSent: 0xffff_fffe,
  });
  sut.submit(ANNA, BERT, 1);
  sut.submit(ANNA, BERT, 2);
  await turn(sut, store);
  expect(sut.take().map(({ kind }) => kind)).toEqual(['attached', 'accepted', 'deliver', 'refused']);
  sut.acknowledge(BERT, 0xffff_ffff);
  await turn(sut, store);

  sut.attach(BERT, 99);
  sut.take();
  sut.submit(ANNA, BERT, 3);
  await turn(sut, store);

  expect(sut.take()).toMatchObject([{ kind: 'accepted' }, { kind: 'deliver', sequence: 1 }]);
});

test('an item that is not what was stored is passed over, and counts once, however often its user comes for it', async () => {
  const store = new FakeStore();
  const sut = testHome(store);
  for (let id = 1; id <= 3; id += 1) sut.submit(ANNA, BERT, id);
  await turn(sut, store);
  // Memory holds none of them after a start, and the store has lost one.
  store.kept.delete(itemKey(BERT, 2).toString('latin1'));
  const started = testHome(store);
  for (let connection = 1; connection <= 3; connection += 1) {
    started.attach(BERT, connection);
    await turn(started, store);
    const delivered = started.take().filter(({ kind }) => kind === 'deliver');
    expect(delivered).toHaveLength(2);
    started.detach(BERT, connection);
    await turn(started, store);
  }
  started.attach(BERT, 4);
  started.acknowledge(BERT, 3, 4);
  await turn(started, store);

  expect(started.counters.damaged).toBe(1);
});
