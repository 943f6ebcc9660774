import { afterEach, describe, expect, test, vi } from 'vitest';
import { KeyKind, numbersKey } from '../../../server/store/store-keys.js';
import { FakeStore } from '../../support/fake-store.js';
import { type TestHome, testHome } from '../../support/home.js';

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

describe('what nobody has come for', () => {
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
    const kinds = () => [...store.kept.keys()].map((key) => key.charCodeAt(0)).sort();
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
