import { afterEach, expect, test, vi } from 'vitest';
import { FrameType } from '../../../protocol/frame.js';
import type { BusMessage, HomeMessage } from '../../../server/bus/bus.js';
import { FakeStore } from '../../support/fake-store.js';
import { frameOf, type TestHome, testHome } from '../../support/home.js';

/** Of two homes, this is that of even users. */
const HOMES = 2;
const ANNA = 2;
const BERT = 5;

const receiptOf = (id: number): HomeMessage => ({
  ...{ kind: 'receipt', to: ANNA, by: BERT, id, group: -1, isUndelivered: false },
});

/** A home with anna connected. */
function annasHome(store = new FakeStore()): { sut: TestHome; store: FakeStore } {
  const sut = testHome(store, {}, undefined, HOMES);
  sut.attach(ANNA);
  return { sut, store };
}

async function turn({ home }: TestHome, store: FakeStore): Promise<void> {
  home.commit();
  while (store.underWay > 0) await store.keep(0);
}

/** The ids of receipts that anna was sent. */
function receipted(said: readonly BusMessage[]): number[] {
  return said.flatMap((message) => {
    const frame = message.kind === 'deliver' ? frameOf(message.frame) : undefined;
    return frame?.type === FrameType.Receipt ? [frame.id] : [];
  });
}

/** The ids of receipts that the other home may forget. */
function answered(said: readonly BusMessage[]): number[] {
  return said.flatMap((message) => (message.kind === 'receipt-kept' ? [message.id] : []));
}

afterEach(() => {
  vi.restoreAllMocks();
});

test('a receipt that another home sends again comes once, and is answered each time', async () => {
  const { sut, store } = annasHome();
  sut.home.receive(receiptOf(1));
  // Also before the first is known to be kept.
  sut.home.commit();
  sut.home.receive(receiptOf(1));
  await turn(sut, store);
  sut.acknowledge(ANNA, 1);
  await turn(sut, store);
  // The other home has moved meanwhile, and was not told.
  sut.home.receive(receiptOf(1));
  sut.home.receive(receiptOf(2));
  await turn(sut, store);
  const said = sut.take();
  expect(receipted(said)).toEqual([1, 2]);
  expect(answered(said)).toEqual([1, 1, 1, 2]);
  expect(sut.counters.receipts).toBe(2);
});

test('a receipt whose turn was not kept is taken when it is sent again', async () => {
  const { sut, store } = annasHome();
  sut.home.receive(receiptOf(1));
  sut.home.commit();
  // A repetition behind it is of no more worth than what it repeats.
  sut.home.receive(receiptOf(1));
  sut.home.commit();
  await store.fail(false);
  const said = sut.take();
  expect(answered(said)).toEqual([]);
  // The home asks for what it could not keep, once a try of its own was kept.
  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  for (let second = 1; second <= 30 && answered(said).length < 2; second += 1) {
    now += 1000;
    sut.home.sweep();
    await turn(sut, store);
    const more = sut.take();
    said.push(...more);
    if (!more.some(({ kind }) => kind === 'resend')) continue;
    sut.home.receive({ kind: 'resending', home: 1 });
    for (let time = 1; time <= 2; time += 1) sut.home.receive(receiptOf(1));
    await turn(sut, store);
    said.push(...sut.take());
  }
  expect(receipted(said)).toEqual([1]);
  expect(answered(said)).toEqual([1, 1]);
});

test('of a crowd of receipts the last thousands are known, and no more', async () => {
  const { sut, store } = annasHome();
  const CROWD = 5000;
  for (let id = 1; id <= CROWD; id += 1) sut.home.receive(receiptOf(id));
  await turn(sut, store);
  const before = sut.counters.receipts;
  sut.home.receive(receiptOf(CROWD - 2000));
  await turn(sut, store);
  expect(sut.counters.receipts).toBe(before);
  sut.home.receive(receiptOf(1));
  await turn(sut, store);
  expect(sut.counters.receipts).toBe(before + 1);
});
