import { expect, test } from 'vitest';
import { SimulatedStore, type Write } from '../../../bench/cluster-simulation/simulated-store.js';
import { VirtualClock } from '../../../bench/cluster-simulation/virtual-clock.js';
import type { LeaseTable, TableListener, WriteOutcome } from '../../../server/cluster/lease-table.js';
import { LeasedMembership } from '../../../server/cluster/leased-membership.js';
import { isPeerKey, peerKey } from '../../../server/cluster/table-entries.js';
import { peerOf } from '../../support/cluster-peers.js';

const LEASE_MS = 2000;
/** A client that is not answered gives up after it. */
const UNANSWERED_MS = 2000;

/** A table whose first entry of a peer is written so much later, and not answered. Everything else is done at once. */
class SlowTable implements LeaseTable {
  readonly isConnected = true;
  /** Writes about peers as they were asked for; `-`: a deletion. */
  readonly asked: string[] = [];
  readonly store: SimulatedStore;
  readonly #clock: VirtualClock;
  readonly #lateMs: number;
  #listener: TableListener | undefined;
  #isFirst = true;

  constructor(clock: VirtualClock, lateMs: number) {
    this.#clock = clock;
    this.#lateMs = lateMs;
    this.store = new SimulatedStore((entry) => this.#listener?.changed(entry));
  }

  get peers(): number[] {
    return [1, 2, 3].filter((number) => this.store.get(peerKey(number)));
  }

  put(key: string, value: unknown, done: (outcome: WriteOutcome) => void): void {
    this.#write({ key, value, expected: undefined }, done);
  }

  create(key: string, value: unknown, done: (outcome: WriteOutcome) => void): void {
    if (isPeerKey(key)) this.asked.push(key);
    if (!isPeerKey(key) || !this.#isFirst) {
      this.#write({ key, value, expected: 0 }, done);
      return;
    }
    this.#isFirst = false;
    this.#clock.after(this.#lateMs, () => this.store.submit({ key, value, expected: 0 }, () => undefined));
    this.#clock.after(UNANSWERED_MS, () => done({ kind: 'unknown', reason: 'no answer came' }));
  }

  update(key: string, value: unknown, revision: number, done: (outcome: WriteOutcome) => void): void {
    this.#write({ key, value, expected: revision }, done);
  }

  delete(key: string, revision: number | undefined, done: (outcome: WriteOutcome) => void): void {
    this.asked.push(`-${key}`);
    this.#write({ key, value: undefined, expected: revision }, done);
  }

  watch(listener: TableListener): () => void {
    this.#listener = listener;
    this.#clock.after(0, () => listener.ready());
    return () => {
      this.#listener = undefined;
    };
  }

  #write(write: Write, done: (outcome: WriteOutcome) => void): void {
    this.#clock.after(1, () => this.store.submit(write, done));
  }
}

/** A process that comes in, with whatever its table does with what it writes. */
function arriving(lateMs: number) {
  const clock = new VirtualClock();
  const table = new SlowTable(clock, lateMs);
  const log: string[] = [];
  let lives = 0;
  const membership = new LeasedMembership({
    ...{ table, homes: 1, replicas: 1, leaseMs: LEASE_MS, peer: peerOf(0), log: (words) => log.push(words) },
    scheduler: { now: () => clock.nowMs, after: (delayMs, run) => clock.after(delayMs, run) },
    random: () => 0.5,
    newLife: () => {
      lives += 1;
      return `life ${lives}`;
    },
  });
  const keeper = { open: async () => undefined, handOver: async () => undefined, drop: () => undefined };
  void membership.join(keeper);
  return { clock, table, membership, log };
}

test('a process whose entry got no answer comes in with it once it is seen, and takes no second number', async () => {
  const { clock, table, membership } = arriving(UNANSWERED_MS + 1500);
  await clock.runUntil(3 * UNANSWERED_MS);
  expect(membership.self.number).toBe(1);
  expect(table.asked).toEqual(['peer.1']);
});

test('a process that gives a number up deletes what it may have written under it before it takes another', async () => {
  const { clock, table, membership } = arriving(Number.MAX_SAFE_INTEGER);
  await clock.runUntil(10_000);
  expect(table.asked).toEqual(['peer.1', '-peer.1', 'peer.2']);
  expect(membership.self.number).toBe(2);
});

test('what comes into the table after it was given up is deleted, and its end cuts nobody off', async () => {
  const { clock, table, membership, log } = arriving(20_000);
  await clock.runUntil(19_000);
  expect(table.peers).toEqual([2]);
  await clock.runUntil(20_500);
  expect(table.asked.slice(-1)).toEqual(['-peer.1']);
  await clock.runUntil(60_000);
  expect(table.peers).toEqual([2]);
  expect(membership.self.number).toBe(2);
  expect(log).toEqual([]);
});
