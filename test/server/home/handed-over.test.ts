import { describe, expect, it } from 'vitest';
import { FrameType } from '../../../protocol/frame.js';
import type { BusMessage } from '../../../server/bus/bus.js';
import { KeyKind, numbersKey } from '../../../server/store/store-keys.js';
import { FakeStore } from '../../support/fake-store.js';
import { frameOf, type TestHome, testHome } from '../../support/home.js';

const ALICE = 1;
const BOB = 2;
const FIRST_EPOCH = 7;

/** What was delivered: each id, with a mark where it is a redelivery. */
function delivered(said: BusMessage[]): string[] {
  return said.flatMap((message) => {
    if (message.kind !== 'deliver') return [];
    const frame = frameOf(message.frame);
    if (frame.type !== FrameType.Deliver) return [];
    return [`${frame.id}${frame.flags > 0 ? ' again' : ''}`];
  });
}

/** Items in the mailbox of bob; receipts are in that of alice. */
function waiting(store: FakeStore): number {
  return store.count(numbersKey(KeyKind.Item, BOB));
}

async function turn({ home }: TestHome, store: FakeStore): Promise<void> {
  home.commit();
  while (store.underWay > 0) await store.keep(0);
}

/** An owner with bob connected, who was sent three messages and has acknowledged the first. */
async function firstOwner(store: FakeStore): Promise<TestHome> {
  const first = testHome(store);
  first.attach(BOB);
  for (const id of [1, 2, 3]) first.submit(ALICE, BOB, id);
  await turn(first, store);
  first.acknowledge(BOB, 1);
  await turn(first, store);
  expect(delivered(first.take())).toEqual(['1', '2', '3']);
  return first;
}

/** What an owner leaves whose bob was sent one message, and has acknowledged it: his connection knows, and nothing else does. */
async function emptiedByBob(): Promise<FakeStore> {
  const store = new FakeStore();
  const first = testHome(store);
  first.home.takeNotes(FIRST_EPOCH);
  first.attach(BOB);
  first.submit(ALICE, BOB, 1);
  await turn(first, store);
  first.acknowledge(BOB, 1);
  await turn(first, store);
  return store;
}

/** Notes down what the next owner has to know. */
async function part(first: TestHome, store: FakeStore): Promise<void> {
  first.home.part(FIRST_EPOCH);
  await turn(first, store);
}

/** The home is handed over; the next owner has its notes. */
async function nextOwner(first: TestHome, store: FakeStore, epoch = FIRST_EPOCH + 1): Promise<TestHome> {
  await part(first, store);
  const next = testHome(store);
  const notes = next.home.takeNotes(epoch);
  next.home.takeOver(notes.get(0) ?? []);
  await turn(next, store);
  return next;
}

describe('a home that is handed over', () => {
  it('goes on with its connections: what was sent is not sent again, what is new goes out at once', async () => {
    const store = new FakeStore();
    const next = await nextOwner(await firstOwner(store), store);
    expect(next.said).toEqual([]);
    next.submit(ALICE, BOB, 4);
    await turn(next, store);
    expect(delivered(next.take())).toEqual(['4']);
    next.acknowledge(BOB, 4);
    await turn(next, store);
    expect(waiting(store)).toBe(0);
    expect(next.counters.acknowledged).toBe(3);
  });

  it('marks what was sent before as a redelivery, and nothing else, when its user comes anew', async () => {
    const store = new FakeStore();
    const next = await nextOwner(await firstOwner(store), store);
    next.detach(BOB);
    next.submit(ALICE, BOB, 4);
    await turn(next, store);
    next.attach(BOB, 20);
    expect(delivered(next.take())).toEqual(['2 again', '3 again', '4']);
  });

  it('marks what its next owner may have delivered, as long as it cannot know that there is none', async () => {
    const store = new FakeStore();
    let mayBeReplaced = true;
    const home = testHome(store, {}, undefined, 1, () => mayBeReplaced);
    home.submit(ALICE, BOB, 1);
    await turn(home, store);
    home.attach(BOB);
    expect(delivered(home.take())).toEqual(['1 again']);
    mayBeReplaced = false;
    home.submit(ALICE, BOB, 2);
    await turn(home, store);
    expect(delivered(home.take())).toEqual(['2']);
    home.attach(BOB, 20);
    expect(delivered(home.take())).toEqual(['1 again', '2 again']);
  });

  it('counts an empty mailbox on, so that the connection takes what comes for new', async () => {
    const store = new FakeStore();
    const first = await firstOwner(store);
    first.acknowledge(BOB, 3);
    await turn(first, store);
    const next = await nextOwner(first, store);
    next.submit(ALICE, BOB, 4);
    await turn(next, store);
    const [deliver] = next.take().filter(({ kind }) => kind === 'deliver');
    expect(deliver).toMatchObject({ sequence: 4 });
  });

  it('counts on as well where something comes before the connection is taken over', async () => {
    const store = new FakeStore();
    const first = await firstOwner(store);
    first.acknowledge(BOB, 3);
    await part(first, store);
    const next = testHome(store);
    const notes = next.home.takeNotes(FIRST_EPOCH + 1);
    next.submit(ALICE, BOB, 4);
    await turn(next, store);
    next.home.takeOver(notes.get(0) ?? []);
    expect(delivered(next.take())).toEqual(['4']);
    next.acknowledge(BOB, 4);
    await turn(next, store);
    expect(waiting(store)).toBe(0);
  });

  it('leaves what was under way when it was handed over to the next owner: it is delivered once', async () => {
    const store = new FakeStore();
    const first = await firstOwner(store);
    first.submit(ALICE, BOB, 4);
    first.home.commit();
    expect(store.underWay).toBe(1);
    const next = await nextOwner(first, store);
    expect(delivered(first.take())).toEqual([]);
    expect(delivered(next.take())).toEqual(['4']);
    next.submit(ALICE, BOB, 5);
    await turn(next, store);
    expect(delivered(next.take())).toEqual(['5']);
  });

  it('takes no notice of what an owner before the last one has noted down', async () => {
    const store = new FakeStore();
    const next = await nextOwner(await firstOwner(store), store, FIRST_EPOCH + 2);
    next.submit(ALICE, BOB, 4);
    await turn(next, store);
    expect(delivered(next.take())).toEqual([]);
    expect(waiting(store)).toBe(3);
  });
});

describe('a home that was lost, and is found again', () => {
  const back = (sent: number) => ({ kind: 'attach', user: BOB, worker: 0, connection: BOB, sent }) as const;

  it('goes on behind what its connection was sent', async () => {
    const store = new FakeStore();
    await firstOwner(store);
    const next = testHome(store);
    next.home.receive(back(2));
    expect(delivered(next.take())).toEqual(['3 again']);
    next.acknowledge(BOB, 3);
    await turn(next, store);
    expect(waiting(store)).toBe(0);
  });

  it('delivers what came into an empty mailbox before the connection was there, however little that was sent', async () => {
    const store = await emptiedByBob();
    const next = testHome(store);
    next.home.takeNotes(FIRST_EPOCH + 1);
    for (const id of [2, 3]) next.submit(ALICE, BOB, id);
    await turn(next, store);
    next.home.receive(back(1));
    next.acknowledge(BOB, 1);
    await turn(next, store);
    expect(delivered(next.take())).toEqual(['2', '3']);
    expect(waiting(store)).toBe(2);
  });

  it('does so too where the owner in between has not seen the connection', async () => {
    const store = await emptiedByBob();
    const between = testHome(store);
    between.home.takeNotes(FIRST_EPOCH + 1);
    for (const id of [2, 3]) between.submit(ALICE, BOB, id);
    await turn(between, store);
    const next = testHome(store);
    next.home.takeNotes(FIRST_EPOCH + 2);
    next.home.receive(back(1));
    expect(delivered(next.take())).toEqual(['2 again', '3 again']);
  });

  it('asks a user to come anew whose mailbox was empty and has been counted from the beginning', async () => {
    const store = new FakeStore();
    const first = await firstOwner(store);
    first.acknowledge(BOB, 3);
    await turn(first, store);
    const next = testHome(store);
    next.submit(ALICE, BOB, 4);
    await turn(next, store);
    next.home.receive(back(3));
    expect(next.take()).toContainEqual({ kind: 'replaced', connection: BOB });
    next.attach(BOB, 20);
    expect(delivered(next.take())).toEqual(['4']);
  });
});
