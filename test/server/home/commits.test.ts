import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { FLAG_REDELIVERY, type Frame, FrameType, ReasonCode } from '../../../protocol/frame.js';
import type { BusMessage } from '../../../server/bus/bus.js';
import { StoreFailure } from '../../../server/store/home-store.js';
import { itemKey, KeyKind, numbersKey } from '../../../server/store/store-keys.js';
import { FakeStore } from '../../support/fake-store.js';
import { frameOf, testHome } from '../../support/home.js';

const USERS = [1, 2, 3];

describe('after a commit that failed', () => {
  const [ANNA, BERT, CARL] = [1, 2, 3];

  test('what is acknowledged by those who owe nothing is done at once, and what is owed soon', async () => {
    const store = new FakeStore();
    const sut = testHome(store, { newRecipientsPerSecond: 0 });
    for (let user = 10; user < 60; user += 1) {
      sut.attach(user);
      for (let id = 1; id <= 100; id += 1) sut.submit(ANNA, user, id + 1000 * user);
    }
    sut.home.commit();
    await store.keep(0);
    for (let user = 10; user < 60; user += 1) sut.acknowledge(user, 100);
    sut.home.commit();
    await store.fail();
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 5000);

    // Ten turns of others, and not one sweep.
    sut.attach(BERT);
    for (let turn = 1; turn <= 12; turn += 1) {
      sut.submit(CARL, BERT, turn);
      sut.home.commit();
      while (store.underWay > 0) await store.keep(0);
    }

    // Left are what BERT was sent, and receipts.
    const messages = [...store.kept.keys()].filter(
      (key) => key.charCodeAt(0) === KeyKind.Item && Number(key.charCodeAt(8)) >= 10,
    );
    expect(messages).toEqual([]);
    vi.restoreAllMocks();
  });

  test('a repetition of what is kept is accepted, and one of what is not is refused', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    sut.submit(ANNA, BERT, 1);
    sut.home.commit();
    await store.keep(0);
    sut.take();
    // In the turn that fails, one of them.
    sut.submit(ANNA, BERT, 1);
    sut.submit(ANNA, BERT, 2);
    sut.submit(ANNA, BERT, 2);
    sut.home.commit();
    await store.fail();
    // And while the store is left alone.
    sut.submit(ANNA, BERT, 1);
    sut.submit(ANNA, BERT, 2);
    sut.home.commit();

    const answers = sut
      .take()
      .flatMap((said) =>
        said.kind === 'accepted' || said.kind === 'refused' ? [`${said.kind} ${said.id}`] : [],
      );
    expect(answers.sort()).toEqual(['accepted 1', 'accepted 1', 'refused 2', 'refused 2', 'refused 2']);
  });

  test.each([1, 4, 256])(
    'a window of %i that is full of damaged items does not stay shut',
    async (deliveryWindow) => {
      const store = new FakeStore();
      const before = testHome(store, { newRecipientsPerSecond: 0 });
      for (let id = 1; id <= 300; id += 1) before.submit(ANNA, BERT, id);
      before.home.commit();
      await store.keep(0);
      for (let sequence = 2; sequence <= 299; sequence += 1)
        store.kept.delete(itemKey(BERT, sequence).toString('latin1'));
      const sut = testHome(store, { deliveryWindow });
      sut.attach(BERT);
      sut.acknowledge(BERT, 1);
      sut.home.commit();
      while (store.underWay > 0) await store.keep(0);

      expect(sut.take().filter(({ kind }) => kind === 'deliver')).toMatchObject([
        { sequence: 1 },
        { sequence: 300 },
      ]);
    },
  );
});

/** Clients that keep to the protocol, and what they have heard. */
class Clients {
  readonly store = new FakeStore();
  readonly sut = testHome(this.store, { newRecipientsPerSecond: 0 }, (message) => this.#hear(message));
  readonly accepted = new Set<string>();
  readonly refused = new Set<string>();
  readonly delivered = new Map<string, number>();
  readonly receipted = new Set<string>();
  readonly acknowledged = new Set<string>();
  readonly faults: string[] = [];
  #id = 0;
  #connection = 0;
  readonly #connections = new Map<number, number>();
  readonly #sequences = new Map<number, number>();
  readonly #unacknowledged = new Map<number, string[]>();
  readonly #newest = new Map<string, number>();
  readonly #lastFirst = new Map<string, number>();

  connect(user: number): void {
    this.#connection += 1;
    this.#connections.set(user, this.#connection);
    this.#sequences.delete(user);
    this.#unacknowledged.set(user, []);
    this.sut.attach(user, this.#connection);
  }

  leave(user: number): void {
    const connection = this.#connections.get(user);
    if (connection === undefined) return;
    this.#connections.delete(user);
    this.sut.detach(user, connection);
  }

  write(from: number, to: number): void {
    this.#id += 1;
    this.#newest.set(`${from} ${to}`, this.#id);
    this.sut.submit(from, to, this.#id);
  }

  /** What was refused last is sent again as it was. */
  writeAgain(from: number, to: number): void {
    const id = this.#newest.get(`${from} ${to}`);
    if (id !== undefined && this.refused.delete(String(id))) this.sut.submit(from, to, id);
  }

  acknowledge(user: number): void {
    const sequence = this.#sequences.get(user);
    const connection = this.#connections.get(user);
    if (sequence === undefined || connection === undefined) return;
    for (const key of this.#unacknowledged.get(user)?.splice(0) ?? []) this.acknowledged.add(key);
    this.sut.acknowledge(user, sequence, connection);
  }

  commit(): void {
    this.sut.home.commit();
  }

  get written(): number {
    return this.#id;
  }

  /** Everything is kept from now on, everybody is there, and all is read: a store that failed is left alone first. */
  async settle(): Promise<void> {
    for (const user of USERS) if (!this.#connections.has(user)) this.connect(user);
    const deadline = performance.now() + 5000;
    do {
      this.commit();
      while (this.store.underWay > 0) await this.store.keep(0);
      this.sut.home.sweep();
      for (const user of USERS) this.acknowledge(user);
      await new Promise((resolve) => setImmediate(resolve));
    } while (
      performance.now() < deadline &&
      (this.sut.home.mailboxes.length > 0 || this.store.underWay + this.store.staged > 0)
    );
  }

  #hear(message: BusMessage): void {
    switch (message.kind) {
      case 'accepted':
        this.accepted.add(String(message.id));
        if (this.refused.has(String(message.id))) this.faults.push(`${message.id} refused, then accepted`);
        break;
      case 'refused':
        this.refused.add(String(message.id));
        break;
      case 'deliver':
        this.#deliver(message.connection, message.sequence, frameOf(message.frame));
        break;
    }
  }

  #deliver(connection: number, sequence: number, frame: Frame): void {
    const user = USERS.find((each) => this.#connections.get(each) === connection);
    if (user === undefined) return;
    if (sequence <= (this.#sequences.get(user) ?? 0)) this.faults.push(`${user}: sequence ${sequence} again`);
    this.#sequences.set(user, sequence);
    if (frame.type === FrameType.Receipt) {
      this.receipted.add(String(frame.id));
      return;
    }
    if (frame.type !== FrameType.Deliver) return;
    const key = String(frame.id);
    const times = (this.delivered.get(key) ?? 0) + 1;
    this.delivered.set(key, times);
    this.#unacknowledged.get(user)?.push(key);
    if (this.refused.has(key)) this.faults.push(`${key} was refused and delivered`);
    const isMarked = (frame.flags & FLAG_REDELIVERY) !== 0;
    if (times > 1 && !isMarked) this.faults.push(`${key} delivered again without a mark`);
    if (times > 1) return;
    const pair = `${frame.from} ${user}`;
    if (frame.id < (this.#lastFirst.get(pair) ?? 0)) this.faults.push(`${key} out of order`);
    this.#lastFirst.set(pair, frame.id);
  }
}

const user = fc.constantFrom(...USERS);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), from: user, to: user }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write again' as const), from: user, to: user }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('connect' as const), user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), user }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('acknowledge' as const), user }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('keep' as const), at: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), isFull: fc.boolean() }) },
);

describe('a home over a store whose commits are slow, out of order and failing', () => {
  test('loses nothing that it accepted, delivers nothing that it refused, and doubles nothing without a mark', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 100 }), async (steps) => {
        const clients = new Clients();
        for (const each of USERS) clients.connect(each);
        for (const each of steps) {
          switch (each.do) {
            case 'write':
              clients.write(each.from, each.to);
              break;
            case 'write again':
              clients.writeAgain(each.from, each.to);
              break;
            case 'connect':
              clients.connect(each.user);
              break;
            case 'leave':
              clients.leave(each.user);
              break;
            case 'acknowledge':
              clients.acknowledge(each.user);
              break;
            case 'commit':
              clients.commit();
              break;
            case 'keep':
              await clients.store.keep(each.at);
              break;
            case 'fail':
              await clients.store.fail(each.isFull);
              break;
          }
        }
        await clients.settle();

        expect(clients.faults).toEqual([]);
        for (let id = 1; id <= clients.written; id += 1) {
          const key = String(id);
          expect(clients.accepted.has(key) !== clients.refused.has(key), `${id} has one answer`).toBe(true);
          expect(clients.delivered.has(key), `${id} delivered`).toBe(clients.accepted.has(key));
          expect(clients.receipted.has(key), `${id} receipted`).toBe(clients.accepted.has(key));
        }
        expect(clients.store.kept.size - windowsOf(clients.store)).toBe(0);
        expect(clients.sut.home.mailboxes).toMatchObject({ length: 0, waiting: 0 });
      }),
      { numRuns: 60 },
    );
  });

  test('says nothing of a turn before the store has kept it and all turns before it', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    sut.attach(2);
    sut.take();
    for (const id of [1, 2, 3]) {
      sut.submit(1, 2, id);
      sut.home.commit();
    }
    await store.keep(2);
    await store.keep(1);
    expect(sut.said).toEqual([]);

    await store.keep(0);

    const kinds = sut.take().map((message) => message.kind);
    expect(kinds).toEqual(['accepted', 'deliver', 'accepted', 'deliver', 'accepted', 'deliver']);
  });

  test('refuses what was in a turn that failed and in those behind it, and goes on when the store does', async () => {
    const store = new FakeStore();
    const sut = testHome(store);
    sut.submit(1, 2, 1);
    sut.home.commit();
    sut.submit(1, 2, 2);
    sut.home.commit();
    sut.submit(1, 2, 3);
    await store.keep(0);

    await store.fail(true);

    const refusals = sut.take().filter((message) => message.kind === 'refused');
    expect(refusals.map(({ id, code }) => [id, code])).toEqual([
      [2, ReasonCode.StoreFull],
      [3, ReasonCode.StoreFull],
    ]);
    // It is left alone for a moment; then it is tried again.
    sut.submit(1, 2, 4);
    sut.home.commit();
    expect(sut.take()).toMatchObject([{ kind: 'refused', id: 4 }]);
    await expect
      .poll(async () => {
        sut.submit(1, 2, 2);
        sut.home.commit();
        await store.keep(0);
        return sut.take().some((message) => message.kind === 'accepted');
      })
      .toBe(true);
    sut.attach(2);
    const items = sut.take().filter((message) => message.kind === 'deliver');
    expect(items.map(({ frame }) => frameOf(frame))).toMatchObject([{ id: 1 }, { id: 2 }]);
  });
});

test('a message whose turn was not kept may be sent again with its id, and comes then', async () => {
  const store = new FakeStore();
  const sut = testHome(store);
  sut.attach(2);
  sut.submit(1, 2, 1);
  sut.home.commit();
  await store.fail();
  sut.take();

  const heard: BusMessage[] = [];
  await expect
    .poll(async () => {
      sut.submit(1, 2, 1);
      sut.home.commit();
      await store.keep(0);
      heard.push(...sut.take());
      return heard.some((message) => message.kind === 'accepted');
    })
    .toBe(true);

  expect(heard.filter((message) => message.kind === 'deliver')).toHaveLength(1);
});

test('what was acknowledged in a turn that failed holds, also where its user has come on another connection since', async () => {
  const store = new FakeStore();
  const sut = testHome(store);
  sut.attach(2);
  for (const id of [1, 2]) sut.submit(1, 2, id);
  sut.home.commit();
  await store.keep(0);
  sut.take();

  sut.acknowledge(2, 2);
  sut.home.commit();
  sut.attach(2, 99);
  await store.fail();

  sut.attach(1);
  const heard: BusMessage[] = [];
  const receipts = async () => {
    sut.home.sweep();
    sut.home.commit();
    while (store.underWay > 0) await store.keep(0);
    heard.push(...sut.take());
    return heard.filter((message) => message.kind === 'deliver' && message.connection === 1).length;
  };
  await expect.poll(receipts).toBe(2);
  // What comes next is delivered on the new connection.
  sut.submit(1, 2, 3);
  sut.home.commit();
  while (store.underWay > 0) await store.keep(0);
  expect(sut.take()).toMatchObject([{ kind: 'accepted' }, { kind: 'deliver', connection: 99, sequence: 3 }]);
});

/** What a store keeps of who wrote to whom, and of the time, which stays behind messages that are gone. */
function windowsOf(store: FakeStore): number {
  const stays: number[] = [KeyKind.Window, KeyKind.Clock];
  return [...store.kept.keys()].filter((key) => stays.includes(key.charCodeAt(0))).length;
}

test('what another home sends again all at once is taken, where there is room for small turns only', async () => {
  const store = new FakeStore();
  const sut = testHome(store, {}, undefined, 2);
  const ANNA = 2;
  const RECEIPTS = 400;
  const MOST_CHANGES = 20;
  sut.attach(ANNA);
  /** By id: those that the other home was not told of. */
  const open = new Set(Array.from({ length: RECEIPTS }, (_, index) => index + 1));
  const send = (): void => {
    sut.home.receive({ kind: 'resending', home: 1 });
    for (const id of open)
      sut.home.receive({ kind: 'receipt', to: ANNA, by: 5, id, group: 0, isUndelivered: false });
  };
  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  send();
  for (let second = 1; second <= 200 && open.size > 0; second += 1) {
    now += 3000;
    const staged = store.staged;
    sut.home.commit();
    if (staged > MOST_CHANGES) await store.fail(true);
    else while (store.underWay > 0) await store.keep(0);
    sut.home.sweep();
    sut.home.commit();
    while (store.underWay > 0) await store.keep(0);
    for (const message of sut.take()) {
      if (message.kind === 'receipt-kept') open.delete(message.id);
      if (message.kind === 'resend') send();
    }
  }
  expect(open.size).toBe(0);
});

/** A store on a nearly full disk: it keeps at once what is small enough. */
class SmallTurnsStore extends FakeStore {
  mostChanges = Number.POSITIVE_INFINITY;

  override commit(): Promise<void> | undefined {
    if (this.staged > this.mostChanges) throw new StoreFailure('no room for so much', true);
    const committed = super.commit();
    if (committed) void this.keep(0);
    return committed;
  }
}

test('what another home answers all at once is done with, and not asked for again with every turn, where there is room for small turns only', async () => {
  const store = new SmallTurnsStore();
  const sut = testHome(store, {}, undefined, 2);
  const [ANNA, BERT] = [2, 5];
  const RECEIPTS = 400;
  const turnEnds = async (): Promise<void> => {
    sut.home.commit();
    await sut.home.settled();
  };
  sut.attach(ANNA);
  for (let id = 1; id <= RECEIPTS; id += 1) sut.submit(BERT, ANNA, id);
  await turnEnds();
  sut.acknowledge(ANNA, RECEIPTS);
  await turnEnds();
  const receipts = () => sut.take().flatMap((message) => (message.kind === 'receipt' ? [message] : []));
  const open = (): number => store.count(Buffer.of(KeyKind.Receipt));
  let toAnswer = receipts();
  expect(open()).toBe(RECEIPTS);
  expect(toAnswer).toHaveLength(RECEIPTS);

  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  store.mostChanges = 20;
  let sentAgain = 0;
  for (let second = 1; second <= 60 && open() > 0; second += 1) {
    now += 3000;
    for (const receipt of toAnswer) sut.home.receive({ ...receipt, kind: 'receipt-kept' });
    await turnEnds();
    now += 3000;
    sut.home.sweep();
    await turnEnds();
    toAnswer = receipts();
    sentAgain += toAnswer.length;
  }
  expect(open()).toBe(0);
  expect(sentAgain).toBeLessThanOrEqual(2 * RECEIPTS);
});

/** A store on a disk that becomes full: it keeps turns that make room, as long as they are small, and before it returns. */
class FullDiskStore extends FakeStore {
  mostChanges = Number.POSITIVE_INFINITY;

  override commit(isMakingRoom = false): undefined {
    const most = isMakingRoom || this.mostChanges === Number.POSITIVE_INFINITY ? this.mostChanges : 0;
    if (this.staged > most) throw new StoreFailure('no room', true);
    void super.commit();
    void this.keep(0);
  }
}

test('on a full disk what was acknowledged is deleted, one by one where it has to be, before the traffic that goes on is tried', async () => {
  const store = new FullDiskStore();
  const sut = testHome(store, { newRecipientsPerSecond: 0 });
  const [ANNA, BERT, CARL] = [1, 2, 3];
  const waiting = (): number => store.count(numbersKey(KeyKind.Item, ANNA));
  const turnEnds = async (): Promise<void> => {
    sut.home.commit();
    await sut.home.settled();
  };
  sut.attach(ANNA);
  for (let id = 1; id <= 50; id += 1) sut.submit(BERT, ANNA, id);
  await turnEnds();
  expect(waiting()).toBe(50);

  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  // Deleting a message takes three changes: its receipt and what is known of repetitions are written.
  store.mostChanges = 3;
  sut.acknowledge(ANNA, 50);
  await turnEnds();
  for (let id = 1; id <= 10 && waiting() > 0; id += 1) {
    now += 3000;
    sut.submit(CARL, BERT, id);
    await turnEnds();
    sut.home.sweep();
    await turnEnds();
  }
  expect(waiting()).toBe(0);
});
