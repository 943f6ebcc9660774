import type { Msg } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type ConnectionMessage, homeWorker } from '../../../server/bus/bus.js';
import { BUS_VERSIONS } from '../../../server/cluster/bus-version.js';
import { ClusterBus } from '../../../server/cluster/cluster-bus.js';
import { LocalHomes, type LoggedStore } from '../../../server/cluster/local-homes.js';
import type { BusConnection } from '../../../server/cluster/peer-links.js';
import { parseServerConfig } from '../../../server/config.js';
import { Router, type RouterParts } from '../../../server/gateway/router.js';
import { newCounters } from '../../../server/queues/counters.js';
import { peerOf } from '../../support/cluster-peers.js';
import { FakeStore } from '../../support/fake-store.js';

const HOMES = 4;
const USER = 1;
const HOME = homeWorker(USER, { first: 0, count: HOMES });
const CONNECTION = 7;
/** Of the peers: one keeps the home, at the other the user is connected. */
const [OWNER, GATEWAY] = [1, 2];

const { limits } = parseServerConfig({});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
});

class TestStore extends FakeStore implements LoggedStore {
  readonly log = { underWay: 0, bytesBehindSnapshot: 0 };
}

/** What is published comes when the test says: to one peer, in its order. */
class Network {
  readonly #subscribers = new Map<string, (data: Buffer) => void>();
  readonly #underWay: { subject: string; data: Buffer }[] = [];

  connection(): BusConnection {
    return {
      info: undefined,
      isClosed: () => false,
      flush: async () => undefined,
      publish: (subject: string, data: Uint8Array) => {
        this.#underWay.push({ subject, data: Buffer.from(data) });
      },
      subscribe: (subject: string, { callback }: { callback(error: null, message: Msg): void }) => {
        this.#subscribers.set(subject, (data) => callback(null, { data } as unknown as Msg));
        return { unsubscribe: () => this.#subscribers.delete(subject) };
      },
    } as unknown as BusConnection;
  }

  /** All that is on its way to a peer comes. */
  bring(peer: number): void {
    const subject = `c2m.test.bus.1.${peer}`;
    const coming = this.#underWay.filter((each) => each.subject === subject);
    for (const each of coming) {
      this.#underWay.splice(this.#underWay.indexOf(each), 1);
      this.#subscribers.get(subject)?.(each.data);
    }
  }
}

/** The home of a user at one peer, and the user's connection at another, both as a server has them. */
async function homeAndGateway(versions = BUS_VERSIONS) {
  const network = new Network();
  const ignored = () => undefined;
  const rest = { held: ignored, here: ignored, gathered: ignored, drained: ignored };
  const options = { cluster: 'test', homes: HOMES };
  const [there, here] = [OWNER, GATEWAY].map(
    () => new ClusterBus({ ...options, connection: network.connection() }),
  ) as [ClusterBus, ClusterBus];
  const homes = new LocalHomes();
  const told: number[] = [];
  const session = {
    ...{ id: CONNECTION, user: USER, hasUser: true, isOpen: true, isComingAnew: false, unanswered: 0 },
    ...{ sentSequence: 0, acknowledgedSequence: 0, attached: ignored, fail: ignored },
    deliver: (sequence: number) => {
      session.sentSequence = sequence;
      told.push(sequence);
    },
  };
  const router = new Router({
    ...{ bus: here.gateway, sessions: { get: () => session, values: () => [session] } },
    turn: { schedule: ignored, ingress: { add: ignored } },
  } as unknown as RouterParts);
  await there.join(peerOf(OWNER, versions), {
    ...rest,
    toHome: (home, message) => homes.receive(message, home),
    toConnection: ignored,
  });
  await here.join(peerOf(GATEWAY), {
    ...rest,
    toHome: ignored,
    toConnection: (message: ConnectionMessage, home: number) => router.toConnection(message, home),
  });
  there.up(peerOf(GATEWAY));
  here.up(peerOf(OWNER, versions));

  const store = new TestStore();
  const open = (epoch: number): void => {
    homes.remove(HOME);
    const bus = there.home(HOME, epoch);
    homes.add(HOME, store, epoch, { storeBytes: 1e6, bus, counters: newCounters(), limits });
  };
  const bringTo = {
    /** And what follows from it is on its way. */
    home: () => {
      here.flush();
      network.bring(OWNER);
      homes.commit();
      there.flush();
    },
    connection: () => network.bring(GATEWAY),
  };
  return {
    ...{ told, open, bringTo, homes, store },
    /** The gateway hears that the home was lost, and found again. */
    found: (epoch: number) => {
      here.place(HOME, undefined);
      router.homeLost(HOME, true);
      here.place(HOME, OWNER, epoch);
      router.homeFound(HOME);
    },
    /** Two messages wait in the mailbox. */
    fill: async () => {
      for (const id of [1, 2]) {
        const submit = { kind: 'submit', from: 2, worker: HOMES + 9, connection: 9, to: USER, id } as const;
        homes.receive({ ...submit, payload: Buffer.from('hi') }, HOME);
      }
      homes.commit();
      await store.keep(0);
    },
  };
}

describe('a home that was lost and came back to the process that had it', () => {
  test('takes no connection that was meant for its owner before: it would be told everything twice', async () => {
    const { told, open, fill, found, bringTo } = await homeAndGateway();
    open(5);
    await fill();
    found(5);
    // Before that comes there, the home was taken from this process and came back.
    open(7);
    bringTo.home();
    found(7);
    bringTo.connection();
    bringTo.home();
    bringTo.connection();
    expect(told).toEqual([1, 2]);
  });

  test('is heard by its connections only from its answer of now on: what it said before comes too late', async () => {
    const { told, open, fill, found, bringTo } = await homeAndGateway();
    open(5);
    await fill();
    found(5);
    bringTo.home();
    open(7);
    found(7);
    bringTo.connection();
    expect(told).toEqual([]);
    bringTo.home();
    bringTo.connection();
    expect(told).toEqual([1, 2]);
  });

  test('says nothing more for its epoch of before, when the log has kept the last of that', async () => {
    const { told, open, found, bringTo, homes, store } = await homeAndGateway();
    open(5);
    found(5);
    bringTo.home();
    bringTo.connection();
    const submit = { kind: 'submit', from: 2, worker: HOMES + 9, connection: 9, to: USER, id: 1 } as const;
    homes.receive({ ...submit, payload: Buffer.from('hi') }, HOME);
    homes.commit();
    open(7);
    found(7);
    bringTo.home();
    bringTo.connection();
    // Kept for the owner before, whose connection it was.
    await store.keep(0);
    bringTo.home();
    bringTo.connection();
    expect(told).toEqual([]);
  });

  test('is spoken with as before by a peer of the release before, which says no epoch', async () => {
    const { told, open, fill, found, bringTo } = await homeAndGateway({ oldest: 1, newest: 2 });
    open(5);
    await fill();
    found(5);
    bringTo.home();
    bringTo.connection();
    expect(told).toEqual([1, 2]);
  });
});
