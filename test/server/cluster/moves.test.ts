import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ReasonCode } from '../../../protocol/frame.js';
import { ClusterBus } from '../../../server/cluster/cluster-bus.js';
import { HandOver } from '../../../server/cluster/hand-over.js';
import { HomeWatch } from '../../../server/cluster/home-watch.js';
import { LocalHomes, type LoggedStore } from '../../../server/cluster/local-homes.js';
import { type KeptStore, LogKeeper, type LogKeeperParts } from '../../../server/cluster/log-keeper.js';
import type { HomePlace, Membership, Peer } from '../../../server/cluster/membership.js';
import type { BusConnection } from '../../../server/cluster/peer-links.js';
import { parseServerConfig } from '../../../server/config.js';
import { newCounters } from '../../../server/queues/counters.js';
import { peerOf } from '../../support/cluster-peers.js';
import { FakeStore } from '../../support/fake-store.js';

const HOMES = 4;
const HOME = 1;
const EPOCH = 5;
const SELF = 1;
const OTHER = 2;
const THIRD = 3;

const { limits } = parseServerConfig({});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A connection to NATS that nobody else has. */
function nowhere(): BusConnection {
  const subscription = { unsubscribe: () => undefined };
  return {
    info: undefined,
    isClosed: () => false,
    flush: async () => undefined,
    publish: () => undefined,
    subscribe: () => subscription,
  } as unknown as BusConnection;
}

class TestStore extends FakeStore implements LoggedStore {
  readonly log = { underWay: 0, bytesBehindSnapshot: 0 };
}

async function makeBus(): Promise<ClusterBus> {
  const bus = new ClusterBus({ connection: nowhere(), cluster: 'test', homes: HOMES });
  const ignored = () => undefined;
  const receiver = { toHome: ignored, toConnection: ignored, held: ignored, here: ignored };
  await bus.join(peerOf(SELF), { ...receiver, gathered: ignored, drained: ignored });
  return bus;
}

function membershipOf(...numbers: number[]): Membership & { homes: HomePlace[]; peers: Map<number, Peer> } {
  const peers = new Map(numbers.map((number) => [number, peerOf(number)]));
  const homes: HomePlace[] = [];
  return { self: peerOf(SELF), peers, homes } as unknown as ReturnType<typeof membershipOf>;
}

/** A home that is open here, in the hands of `HandOver`. */
async function keptHome() {
  const bus = await makeBus();
  const homes = new LocalHomes();
  const store = new TestStore();
  const parts = { storeBytes: 1e6, bus: bus.home(HOME), counters: newCounters(), limits };
  homes.add(HOME, store, EPOCH, parts);
  const handOver = new HandOver({ bus, homes });
  const attach = () =>
    homes.receive({ kind: 'attach', user: HOME, worker: bus.addressOf(SELF), connection: 7 }, HOME);
  return { bus, homes, store, handOver, attach };
}

/** What became of it once so much time has passed. */
async function outcomeAfter(ms: number, promise: Promise<void>): Promise<string> {
  let outcome = 'pending';
  promise.then(
    () => {
      outcome = 'done';
    },
    (error: Error) => {
      outcome = error.message;
    },
  );
  await vi.advanceTimersByTimeAsync(ms);
  return outcome;
}

describe('a home that is handed over', () => {
  test('goes once each of the others has said that it holds back', async () => {
    const { handOver } = await keptHome();
    const run = handOver.run(HOME, EPOCH, membershipOf(SELF, OTHER, THIRD));
    handOver.held(HOME, EPOCH, OTHER);
    expect(await outcomeAfter(1000, run)).toBe('pending');
    handOver.held(HOME, EPOCH, THIRD);
    expect(await outcomeAfter(0, run)).toBe('done');
  });

  test('goes as one whose owner has died where a peer does not say so: that one would talk to nobody', async () => {
    const { handOver } = await keptHome();
    const run = handOver.run(HOME, EPOCH, membershipOf(SELF, OTHER));
    expect(await outcomeAfter(6000, run)).toMatch(/peers 2 did not say/);
  });

  test('waits for a peer that comes meanwhile', async () => {
    const { handOver } = await keptHome();
    const run = handOver.run(HOME, EPOCH, membershipOf(SELF, OTHER));
    handOver.up(THIRD);
    handOver.held(HOME, EPOCH, OTHER);
    expect(await outcomeAfter(100, run)).toBe('pending');
    handOver.down(THIRD);
    expect(await outcomeAfter(0, run)).toBe('done');
  });

  test('does not take for held back what a peer has said of a move that was given up', async () => {
    const { handOver } = await keptHome();
    handOver.held(HOME, EPOCH, OTHER);
    handOver.here(HOME, OTHER);
    const run = handOver.run(HOME, EPOCH, membershipOf(SELF, OTHER));
    expect(await outcomeAfter(100, run)).toBe('pending');
    handOver.held(HOME, EPOCH, OTHER);
    expect(await outcomeAfter(0, run)).toBe('done');
  });

  test('takes no notice of what a slow peer has said of an earlier epoch', async () => {
    const { handOver } = await keptHome();
    handOver.held(HOME, EPOCH, OTHER);
    handOver.held(HOME, EPOCH - 2, THIRD);
    const run = handOver.run(HOME, EPOCH, membershipOf(SELF, OTHER));
    expect(await outcomeAfter(0, run)).toBe('done');
  });

  test('is waited for in its next epoch, whatever becomes of the move that was broken off', async () => {
    const { handOver } = await keptHome();
    const broken = handOver.run(HOME, EPOCH - 1, membershipOf(SELF, OTHER));
    broken.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(4000);
    const run = handOver.run(HOME, EPOCH, membershipOf(SELF, OTHER));
    await vi.advanceTimersByTimeAsync(2000);
    handOver.held(HOME, EPOCH, OTHER);
    expect(await outcomeAfter(0, run)).toBe('done');
  });

  test('goes as one whose owner has died where its log does not take who is connected', async () => {
    const { handOver, store, attach } = await keptHome();
    attach();
    const run = handOver.run(HOME, EPOCH, membershipOf(SELF));
    expect(await outcomeAfter(0, run)).toBe('pending');
    vi.useRealTimers();
    await store.fail(true);
    await expect(run).rejects.toThrow(/does not take/);
  });

  test('has its connections taken over only by word of its own epoch', async () => {
    const { bus, homes, store, handOver, attach } = await keptHome();
    attach();
    const run = handOver.run(HOME, EPOCH, membershipOf(SELF));
    vi.useRealTimers();
    await vi.waitFor(() => expect(store.underWay).toBe(1));
    await store.keep(0);
    await run;
    const next = new LocalHomes();
    const said: string[] = [];
    const listening = {
      ...bus.home(HOME),
      send: (_to: number, { kind }: { kind: string }) => void said.push(kind),
    };
    next.add(HOME, store, EPOCH + 1, { storeBytes: 1e6, bus: listening, counters: newCounters(), limits });
    const submit = { kind: 'submit', from: 2, worker: 9, connection: 9, to: HOME, id: 1 } as const;
    next.receive({ ...submit, payload: Buffer.from('hi') }, HOME);
    next.commit();
    await store.keep(0);
    next.takeOver(HOME, EPOCH, bus.addressOf(SELF));
    expect(said).toEqual(['accepted']);
    next.takeOver(HOME, EPOCH + 1, bus.addressOf(SELF));
    expect(said).toEqual(['accepted', 'deliver']);
    await homes.close();
  });
});

describe('a home that is opened', () => {
  test('is not served where it was dropped before it was there', async () => {
    const homes = new LocalHomes();
    const closed = vi.fn();
    class Kept extends TestStore implements KeptStore {
      readonly takeover = { fencedMs: 0, snapshotMs: 0, replayMs: 0, snapshotBytes: 0, records: 0, bytes: 0 };
      override async close(): Promise<void> {
        closed();
      }
    }
    const disk = { mkdir: async () => undefined, rm: async () => undefined };
    const ignored = () => undefined;
    const keeper = new LogKeeper({
      ...{ homes, disk, cluster: {}, folder: '', makeStore: () => new Kept() },
      ...{ schedule: ignored, log: ignored, isHandedOn: () => false },
    } as unknown as LogKeeperParts);
    const opening = keeper.open(HOME, EPOCH);
    keeper.drop(HOME, 'it is of another');
    await expect(opening).rejects.toThrow();
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
    expect(homes.logs().homes).toBe(0);
  });
});

describe('a process that watches where homes are', () => {
  async function watching(places: Partial<HomePlace>[] = []) {
    const bus = await makeBus();
    const membership = membershipOf(SELF, OTHER, THIRD);
    for (const [home, place] of places.entries())
      membership.homes.push({ home, owner: OTHER, epoch: EPOCH, state: 'open', ...place });
    const router = { homeLost: vi.fn(), homeFound: vi.fn(), closeAll: vi.fn() };
    const homes = new LocalHomes();
    const cameIn = vi.fn(async () => undefined);
    const ignored = () => undefined;
    const watch = new HomeWatch({ membership, bus, homes, router, schedule: ignored, cameIn, log: ignored });
    watch.begin();
    return { bus, membership, router, watch, cameIn };
  }

  const peersOf = (bus: ClusterBus): number[] => bus.stats.peers.map(({ peer }) => peer);

  test('lets those go whose mailboxes are at a peer that takes nothing', async () => {
    const { bus, router, watch } = await watching([{ owner: OTHER }, { owner: THIRD }]);
    watch.stuck(OTHER);
    expect(router.homeLost.mock.calls).toContainEqual([0, false]);
    expect(router.homeLost.mock.calls.filter(([home]) => home === 1)).toEqual([]);
    expect(bus.gateway.isConnected(0)).toBe(false);
  });

  test('forgets a peer that goes while it is cut off', async () => {
    const { bus, membership, watch } = await watching();
    watch.isolated(true);
    membership.peers.delete(OTHER);
    watch.down(peerOf(OTHER));
    watch.isolated(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(peersOf(bus)).toEqual([THIRD]);
  });

  test('does not take itself to be in when it was cut off again meanwhile', async () => {
    const { bus, watch } = await watching([{ owner: OTHER }]);
    watch.isolated(true);
    watch.isolated(false);
    watch.isolated(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(bus.gateway.isConnected(0)).toBe(false);
  });

  test('holds nothing back for a home that was moving when it was cut off', async () => {
    const { bus, router, watch } = await watching([{ state: 'moving', next: THIRD }]);
    expect(bus.gateway.isConnected(0)).toBe(true);
    watch.isolated(true);
    expect(bus.gateway.isConnected(0)).toBe(false);
    expect(router.closeAll).toHaveBeenCalledWith(ReasonCode.Overloaded, expect.anything());
  });

  test('comes anew to a home that has moved on before it has heard of its first move', async () => {
    const { router, watch } = await watching([{ state: 'open' }]);
    const base = { home: 0, isHandedOn: true } as const;
    watch.moved({ ...base, owner: OTHER, epoch: EPOCH, state: 'moving', next: THIRD });
    // Between these two it was open in its second epoch.
    watch.moved({ ...base, owner: THIRD, epoch: EPOCH + 1, state: 'moving', next: OTHER });
    watch.moved({ ...base, owner: OTHER, epoch: EPOCH + 2, state: 'opening' });
    watch.moved({ ...base, owner: OTHER, epoch: EPOCH + 2, state: 'open' });
    expect(router.homeLost).toHaveBeenCalledWith(0, true);
    expect(router.homeFound).toHaveBeenLastCalledWith(0);
  });

  test('goes on beside a peer of a release that it does not speak with', async () => {
    const { bus, watch } = await watching();
    expect(() => watch.up(peerOf(9, { oldest: 900, newest: 901 }))).not.toThrow();
    expect(peersOf(bus)).not.toContain(9);
  });
});
