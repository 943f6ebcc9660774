import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLAG_REDELIVERY, FLAG_UNDELIVERED, type Frame, FrameType } from '../../../protocol/frame.js';
import { type Bus, type BusMessage, homeWorker } from '../../../server/bus/bus.js';
import { parseServerConfig } from '../../../server/config.js';
import { Home } from '../../../server/home/home.js';
import { newCounters } from '../../../server/queues/counters.js';
import { FakeStore } from '../../support/fake-store.js';
import { frameOf } from '../../support/home.js';

const HOMES = { first: 0, count: 2 };
const USERS = [1, 2, 3, 4, 5, 6];
const GROUP = 7;

/** Two homes with stores that fail, a bus that takes its time, and the members of one group, all connected. */
class World {
  readonly stores = [new FakeStore(), new FakeStore()];
  readonly homes: Home[];
  readonly accepted = new Set<number>();
  readonly refused = new Set<number>();
  readonly delivered = new Map<string, number>();
  readonly receipted = new Set<string>();
  readonly faults: string[] = [];
  readonly #queues: BusMessage[][] = [[], []];
  readonly #senders = new Map<number, number>();
  readonly #sequences = new Map<number, number>();
  readonly #lastNumber = new Map<number, number>();
  #id = 0;

  constructor() {
    const { limits } = parseServerConfig({ limits: { newRecipientsPerSecond: 0 } });
    this.homes = this.stores.map((store, self) => {
      const bus: Bus = {
        self,
        homes: HOMES,
        isConnected: () => true,
        send: (worker, message) => this.#send(self, worker, message),
        flush: () => undefined,
        close: async () => undefined,
      };
      return new Home({ store, storeBytes: 1e9, bus, counters: newCounters(), limits });
    });
    for (const home of [0, 1]) for (const other of [0, 1]) this.homes[home]?.resend(other);
    for (const user of USERS)
      this.#tell(user, { kind: 'attach', user, worker: this.#homeOf(user), connection: user });
  }

  get ids(): number[] {
    return [...this.#senders.keys()];
  }

  senderOf(id: number): number {
    return this.#senders.get(id) as number;
  }

  async makeGroup(): Promise<void> {
    const [owner = 0] = USERS;
    this.#tell(GROUP, {
      kind: 'group',
      user: owner,
      worker: this.#homeOf(owner),
      connection: owner,
      group: GROUP,
      id: 0,
      members: USERS,
    });
    await this.settle();
    expect(this.accepted).toContain(0);
  }

  write(from: number): void {
    this.#id += 1;
    this.#senders.set(this.#id, from);
    this.#tell(GROUP, {
      kind: 'submit-to-group',
      from,
      worker: this.#homeOf(from),
      connection: from,
      group: GROUP,
      id: this.#id,
      payload: Buffer.from('hi'),
    });
  }

  acknowledge(user: number): void {
    const sequence = this.#sequences.get(user);
    if (sequence === undefined) return;
    this.#tell(user, {
      kind: 'acknowledge',
      user,
      worker: this.#homeOf(user),
      connection: user,
      sequence,
    });
  }

  /** The next message of the bus to a process arrives. */
  arrive(process: number): void {
    const message = this.#queues[process]?.shift();
    if (!message) return;
    switch (message.kind) {
      case 'accepted':
      case 'refused':
      case 'deliver':
      case 'attached':
      case 'replaced':
        this.#hear(message);
        break;
      default:
        this.homes[process]?.receive(message);
    }
  }

  commit(home: number): void {
    this.homes[home]?.commit();
  }

  async settle(): Promise<void> {
    const deadline = performance.now() + 5000;
    let quiet = 0;
    while (quiet < 3 && performance.now() < deadline) {
      let isQuiet = true;
      for (const home of [0, 1]) {
        while ((this.#queues[home]?.length ?? 0) > 0) {
          isQuiet = false;
          this.arrive(home);
        }
        this.homes[home]?.sweep();
        this.commit(home);
        while ((this.stores[home]?.underWay ?? 0) > 0) {
          isQuiet = false;
          await this.stores[home]?.keep(0);
        }
      }
      for (const user of USERS) this.acknowledge(user);
      await new Promise((resolve) => setImmediate(resolve));
      const isEmpty = this.homes.every(
        (home) => home.mailboxes.length === 0 && home.fanOut.underWay.length === 0,
      );
      quiet = isQuiet && isEmpty ? quiet + 1 : 0;
    }
  }

  #homeOf(whose: number): number {
    return homeWorker(whose, HOMES);
  }

  /** From a client, whose worker is next to its home: no bus lies between. */
  #tell(whose: number, message: BusMessage): void {
    this.homes[this.#homeOf(whose)]?.receive(message as never);
  }

  #send(from: number, to: number, message: BusMessage): void {
    const isSmall = !('payload' in message);
    const kept = isSmall ? message : { ...message, payload: Buffer.from(message.payload) };
    if (from === to) this.#hear(kept);
    else this.#queues[to]?.push(kept as BusMessage);
  }

  #hear(message: BusMessage): void {
    if (message.kind === 'accepted') this.accepted.add(message.id);
    else if (message.kind === 'refused') this.refused.add(message.id);
    else if (message.kind === 'deliver')
      this.#deliver(message.connection, message.sequence, frameOf(message.frame));
  }

  #deliver(user: number, sequence: number, frame: Frame): void {
    this.#sequences.set(user, sequence);
    if (frame.type === FrameType.GroupReceipt) {
      if ((frame.flags & FLAG_UNDELIVERED) === 0) this.receipted.add(`${frame.id} ${frame.by}`);
      return;
    }
    if (frame.type !== FrameType.GroupDeliver) return;
    const key = `${frame.id} ${user}`;
    const times = (this.delivered.get(key) ?? 0) + 1;
    this.delivered.set(key, times);
    if (times > 1 && (frame.flags & FLAG_REDELIVERY) === 0) this.faults.push(`${key} came twice`);
    if (times > 1) return;
    if (frame.number <= (this.#lastNumber.get(user) ?? 0))
      this.faults.push(`number ${frame.number} at ${user} out of order`);
    this.#lastNumber.set(user, frame.number);
  }
}

const home = fc.nat(1);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), user: fc.constantFrom(...USERS) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('acknowledge' as const), user: fc.constantFrom(...USERS) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), home }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('keep' as const), home }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('arrive' as const), home }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), home }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rest' as const), home }) },
);

test('a group whose members have two homes gets each message once and in one order, whichever commits fail', async () => {
  expect(new Set(USERS.map((user) => homeWorker(user, HOMES))).size).toBe(2);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 200 }), async (steps) => {
      const world = new World();
      await world.makeGroup();
      for (const each of steps) {
        if (each.do === 'write') world.write(each.user);
        else if (each.do === 'acknowledge') world.acknowledge(each.user);
        else if (each.do === 'commit') world.commit(each.home);
        else if (each.do === 'keep') await world.stores[each.home]?.keep(0);
        else if (each.do === 'fail') await world.stores[each.home]?.fail();
        else if (each.do === 'arrive') world.arrive(each.home);
        // The store that failed is tried again after a tenth of a second.
        else if (steps.length < 90) await new Promise((resolve) => setTimeout(resolve, 110));
      }
      await world.settle();

      expect(world.faults).toEqual([]);
      for (const id of world.ids) {
        expect(world.accepted.has(id) !== world.refused.has(id), `${id} has one answer`).toBe(true);
        for (const member of USERS) {
          if (member === world.senderOf(id)) continue;
          const key = `${id} ${member}`;
          expect(world.delivered.has(key), `${key} delivered`).toBe(world.accepted.has(id));
          expect(world.receipted.has(key), `${key} receipted`).toBe(world.accepted.has(id));
        }
      }
    }),
    { numRuns: 20, endOnFailure: true },
  );
});
