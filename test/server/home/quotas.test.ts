import { afterEach, describe, expect, test, vi } from 'vitest';
import { FrameType, ReasonCode } from '../../../protocol/frame.js';
import type { BusMessage } from '../../../server/bus/bus.js';
import type { ServerConfigInput } from '../../../server/config.js';
import { MemoryStore } from '../../../server/store/memory-store.js';
import { FakeStore } from '../../support/fake-store.js';
import { type TestHome, testHome } from '../../support/home.js';

const FLOODER = 1;
const VICTIM = 2;
const FRIEND = 3;

afterEach(() => {
  vi.restoreAllMocks();
});

function inMemory(limits?: ServerConfigInput['limits']): TestHome {
  return testHome(new MemoryStore(), limits);
}

/** How each request was answered: `accepted`, or the code of the refusal. */
function answersOf(said: BusMessage[]): (string | ReasonCode)[] {
  return said.flatMap((message): (string | ReasonCode)[] => {
    if (message.kind === 'accepted') return ['accepted'];
    return message.kind === 'refused' ? [message.code] : [];
  });
}

function makeGroup(sut: TestHome, owner: number, group: number, members: number[] = [owner]): void {
  sut.home.receive({ kind: 'group', user: owner, worker: 0, connection: owner, group, id: group, members });
}

function flood(sut: TestHome, from: number, count: number, firstId = 1): void {
  for (let id = firstId; id < firstId + count; id += 1) sut.submit(from, VICTIM, id);
  sut.home.commit();
}

describe('one user', () => {
  test('fills no more than a share of another’s mailbox, and a friend is still taken', () => {
    const sut = inMemory({ mailboxLength: 1000 });
    flood(sut, FLOODER, 1000);
    const answers = answersOf(sut.take());
    expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(100);
    expect(answers.at(-1)).toBe(ReasonCode.MailboxFull);

    flood(sut, FRIEND, 1);

    expect(answersOf(sut.take())).toEqual(['accepted']);
  });

  test('may write again to a mailbox once what it wrote there is fetched', () => {
    const sut = inMemory({ mailboxLength: 1000 });
    flood(sut, FLOODER, 1000);
    sut.take();
    sut.attach(VICTIM);
    const delivered = sut.take().filter((message) => message.kind === 'deliver');
    expect(delivered).toHaveLength(100);

    sut.acknowledge(VICTIM, 50);
    flood(sut, FLOODER, 60, 2000);

    expect(answersOf(sut.take()).filter((answer) => answer === 'accepted')).toHaveLength(50);
  });

  test('writes to no more new recipients a second than it may', () => {
    const sut = inMemory({ newRecipientsPerSecond: 50 });
    const startedMs = performance.now();
    for (let to = 1; to <= 5000; to += 1) sut.submit(FLOODER, to, to);
    sut.home.commit();
    const seconds = (performance.now() - startedMs) / 1000;

    const answers = answersOf(sut.take());
    const accepted = answers.filter((answer) => answer === 'accepted').length;
    expect(accepted).toBeGreaterThanOrEqual(50);
    expect(accepted).toBeLessThanOrEqual(50 + 50 * seconds + 1);
    expect(answers.at(-1)).toBe(ReasonCode.RateLimited);
  });

  test('owns no more groups than it may, and others may make theirs', () => {
    const sut = inMemory({ groupsPerUser: 3 });
    for (let group = 1; group <= 5; group += 1) makeGroup(sut, FLOODER, group);
    makeGroup(sut, FRIEND, 9);
    // One that it has already it may change.
    makeGroup(sut, FLOODER, 2, [FLOODER, FRIEND]);
    sut.home.commit();

    expect(answersOf(sut.take())).toEqual([
      'accepted',
      'accepted',
      'accepted',
      ReasonCode.TooManyGroups,
      ReasonCode.TooManyGroups,
      'accepted',
      'accepted',
    ]);
  });

  test('owns no more groups after a restart either', async () => {
    const store = new FakeStore();
    const before = testHome(store, { groupsPerUser: 3 });
    for (let group = 1; group <= 3; group += 1) makeGroup(before, FLOODER, group);
    before.home.commit();
    await store.keep(0);

    const after = testHome(store, { groupsPerUser: 3 });
    makeGroup(after, FLOODER, 4);
    after.home.commit();

    expect(answersOf(after.take())).toEqual([ReasonCode.TooManyGroups]);
  });

  test('has room for another group where the turn that made one was not kept', async () => {
    const store = new FakeStore();
    const sut = testHome(store, { groupsPerUser: 2 });
    const turn = async (isKept: boolean) => {
      sut.home.commit();
      await (isKept ? store.keep(0) : store.fail());
    };
    makeGroup(sut, FLOODER, 1);
    await turn(true);
    sut.take();

    makeGroup(sut, FLOODER, 2);
    await turn(false);
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 5000);
    for (const group of [3, 4]) {
      makeGroup(sut, FLOODER, group);
      await turn(true);
    }

    expect(answersOf(sut.take())).toEqual([ReasonCode.StoreFailed, 'accepted', ReasonCode.TooManyGroups]);
  });

  test('takes no more than a share of a store whose room is scarce', async () => {
    const store = new FakeStore();
    const sut = testHome(store, { mailboxShare: 1 });
    store.fullness = 0.6;
    // The room of a test home is a megabyte, and a twentieth of it goes to one sender.
    for (let id = 1; id <= 20; id += 1) sut.submit(FLOODER, VICTIM, id, 'x'.repeat(5000));
    sut.submit(FRIEND, VICTIM, 1, 'x'.repeat(5000));
    sut.home.commit();
    await store.keep(0);

    expect(answersOf(sut.take())).toEqual([
      ...new Array(9).fill('accepted'),
      ...new Array(11).fill(ReasonCode.StoreFull),
      'accepted',
    ]);
  });

  test('has its share of a scarce store back little by little, and pays for an empty message too', async () => {
    const store = new FakeStore();
    const sut = testHome(store, { mailboxShare: 1 });
    store.fullness = 0.6;
    for (let id = 1; id <= 1000; id += 1) sut.submit(FLOODER, VICTIM, id, '');
    sut.home.commit();
    await store.keep(0);
    const accepted = answersOf(sut.take()).filter((answer) => answer === 'accepted').length;
    expect(accepted).toBeGreaterThan(100);
    expect(accepted).toBeLessThan(500);

    for (let second = 0; second < 60; second += 1) sut.home.sweep();
    sut.submit(FLOODER, VICTIM, 2000, 'x'.repeat(5000));
    sut.home.commit();
    await store.keep(0);

    expect(answersOf(sut.take())).toEqual(['accepted']);
  });

  test('may write to an empty mailbox again, also where its share was fetched while nobody looked', async () => {
    const store = new FakeStore();
    const limits = { mailboxLength: 1000, mailboxShare: 0.1 };
    const sut = testHome(store, limits);
    for (let id = 1; id <= 100; id += 1) sut.submit(FLOODER, VICTIM, id);
    for (let id = 1; id <= 200; id += 1) sut.submit(200 + (id % 10), VICTIM, id);
    sut.home.commit();
    await store.keep(0);
    const after = testHome(store, limits);
    after.attach(VICTIM);
    after.acknowledge(VICTIM, 100);
    after.submit(FLOODER, VICTIM, 101);
    after.home.commit();
    await store.keep(0);
    after.acknowledge(VICTIM, 300);
    after.home.commit();
    await store.keep(0);
    after.take();

    after.submit(FLOODER, VICTIM, 102);
    after.home.commit();
    await store.keep(0);

    expect(answersOf(after.take())).toEqual(['accepted']);
  });
});

describe('a home', () => {
  test('keeps nothing in memory of those who are away and have nothing, past a bound', () => {
    const sut = inMemory({ newRecipientsPerSecond: 0 });
    for (let user = 1; user <= 60_000; user += 1) {
      sut.attach(user);
      sut.detach(user);
      if (user % 100 === 0) sut.home.commit();
    }
    sut.home.commit();
    expect(sut.home.mailboxes.userCount).toBeLessThanOrEqual(50_000);
  });

  test('knows a repeated message of somebody whom it has let go of meanwhile', () => {
    const sut = inMemory({ newRecipientsPerSecond: 0 });
    flood(sut, FLOODER, 1);
    sut.attach(VICTIM);
    sut.acknowledge(VICTIM, 1);
    sut.detach(VICTIM);
    for (let user = 10; user <= 60_010; user += 1) {
      sut.attach(user);
      sut.detach(user);
      if (user % 100 === 0) sut.home.commit();
    }
    sut.home.commit();
    sut.take();

    flood(sut, FLOODER, 1);

    expect(answersOf(sut.take())).toEqual(['accepted']);
    expect(sut.counters).toMatchObject({ accepted: 1, repeated: 1 });
  });

  test('holds little more memory for what waits than its bytes', () => {
    const sut = inMemory({ newRecipientsPerSecond: 0, mailboxShare: 1 });
    const text = 'x'.repeat(100);
    const count = 60_000;
    const others: Buffer[] = [];
    globalThis.gc?.();
    const before = process.memoryUsage();
    for (let id = 1; id <= count; id += 1) {
      sut.submit(FLOODER, 10 + (id % 1000), id, text);
      // Other traffic takes its buffers from the same slabs, and lets go of them.
      for (let other = 0; other < 20; other += 1) others[other] = Buffer.from(text);
      if (id % 100 === 0) sut.home.commit();
    }
    sut.home.commit();
    sut.take();
    const external = process.memoryUsage().arrayBuffers - before.arrayBuffers;

    expect(sut.home.mailboxes.waiting).toBe(count);
    // As slices of slabs of 8 KiB they were 450 MB; what is outside of the heap now is not theirs.
    expect(external).toBeLessThan(60 * 2 ** 20);
  });
});

test('a receipt comes into a mailbox that is full', () => {
  const sut = inMemory({ mailboxLength: 1, mailboxShare: 1 });
  sut.submit(FLOODER, VICTIM, 1);
  sut.submit(FRIEND, FLOODER, 1);
  sut.home.commit();
  sut.attach(VICTIM);
  sut.acknowledge(VICTIM, 1);
  sut.home.commit();
  sut.attach(FLOODER);

  const types = sut
    .take()
    .flatMap((message) =>
      message.kind === 'deliver' && message.connection === FLOODER ? [message.frame[3]] : [],
    );
  expect(types).toEqual([FrameType.Deliver, FrameType.Receipt]);
});
