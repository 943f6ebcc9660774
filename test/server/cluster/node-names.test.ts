import { beforeEach, describe, expect, test } from 'vitest';
import { SimulatedLink } from '../../../bench/cluster-simulation/simulated-link.js';
import { SimulatedStore } from '../../../bench/cluster-simulation/simulated-store.js';
import { VirtualClock } from '../../../bench/cluster-simulation/virtual-clock.js';
import { Random } from '../../../loadgen/random.js';
import { LeasedMembership } from '../../../server/cluster/leased-membership.js';
import type { HomeKeeper, Peer } from '../../../server/cluster/membership.js';
import { earlierNamesakes, NodeNameError } from '../../../server/cluster/namesakes.js';
import { peerOf } from '../../support/cluster-peers.js';

const LEASE_MS = 2000;
const HOMES = 6;
/** A lease is found to be over a few beats after its end. */
const SOON_MS = 3 * LEASE_MS;

let clock: VirtualClock;
let store: SimulatedStore;
let links: SimulatedLink[];
let random: Random;

function begin(seed: number): void {
  clock = new VirtualClock();
  random = new Random(seed);
  links = [];
  store = new SimulatedStore(() => {
    for (const link of links) link.noticeChange();
  });
}

beforeEach(() => begin(1));

/** One worker of a server, with what became of it. */
interface Server {
  readonly membership: LeasedMembership;
  readonly link: SimulatedLink;
  readonly homes: Set<number>;
  readonly log: string[];
  hasJoined: boolean;
  /** Why it was not let in, or has ended. */
  refusal: Error | undefined;
  kill(): void;
}

/** @param instance which start of a server it belongs to */
function start(node: string, instance: string, worker = 0): Server {
  let isDead = false;
  const after = (delayMs: number, run: () => void): (() => void) =>
    clock.after(delayMs, () => {
      if (!isDead) run();
    });
  const link = new SimulatedLink(store, random, { after }, clock);
  links.push(link);
  const homes = new Set<number>();
  const keeper: HomeKeeper = {
    open: async (home) => void homes.add(home),
    handOver: async (home) => void homes.delete(home),
    drop: (home) => void homes.delete(home),
  };
  const log: string[] = [];
  const server: Server = {
    membership: new LeasedMembership({
      table: link,
      homes: HOMES,
      replicas: 1,
      leaseMs: LEASE_MS,
      peer: {
        node,
        worker,
        instance,
        versions: { oldest: 1, newest: 1 },
        addresses: [`tcp://${instance}:4000`],
      },
      log: (line) => log.push(line),
      nameTaken: (error) => {
        server.refusal = error;
      },
      scheduler: { now: () => clock.nowMs, after },
      random: () => random.next(),
    }),
    ...{ link, homes, log, hasJoined: false, refusal: undefined },
    kill: () => {
      isDead = true;
      link.cut();
    },
  };
  server.membership.join(keeper).then(
    () => {
      server.hasJoined = true;
    },
    (error: Error) => {
      server.refusal = error;
    },
  );
  return server;
}

/** In small steps, between which promises are settled. */
async function pass(ms: number): Promise<void> {
  const endMs = clock.nowMs + ms;
  while (clock.nowMs < endMs) {
    await clock.runUntil(Math.min(endMs, clock.nowMs + 5));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('two servers with one name', () => {
  test('are not let run: the second is told which name, who has it and what to do, and the first goes on undisturbed', async () => {
    const first = start('birch', 'one');
    await pass(SOON_MS);
    const moves: number[] = [];
    first.membership.watch({
      ...{ up: () => undefined, down: () => undefined, isolated: () => undefined },
      moved: ({ home }) => moves.push(home),
    });

    const second = start('birch', 'two');
    await pass(LEASE_MS);

    expect(second.refusal).toBeInstanceOf(NodeNameError);
    expect(second.refusal).toMatchObject({ code: 'C2M_NODE_NAME' });
    expect(second.refusal?.message).toBe(
      'node "birch" runs already: a server of that name is in the cluster as peer 1, at tcp://one:4000, and it came first; ' +
        'give this one a name of its own (--node, or cluster.node in its file), or stop the other one before',
    );
    expect(first.log.filter((line) => line.includes('another server of the name birch came'))).toHaveLength(
      1,
    );
    await pass(SOON_MS);
    expect([first.refusal, first.homes.size, second.homes.size]).toEqual([undefined, HOMES, 0]);
    // It was not even given homes for a moment.
    expect(moves).toEqual([]);
    expect([...first.membership.peers.keys()]).toEqual([1]);
  });

  test('that come at the same time are one in the end, whoever is slow and whatever is lost', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      begin(seed);
      const other = start('ash', 'other');
      const servers = [start('birch', 'one')];
      await pass(random.next() * 100);
      servers.push(start('birch', 'two'), start('birch', 'three'));
      await pass(2 * SOON_MS);

      const left = servers.filter(({ refusal }) => refusal === undefined);
      expect(
        left.map(({ hasJoined }) => hasJoined),
        `seed ${seed}`,
      ).toEqual([true]);
      for (const { refusal } of servers) if (refusal) expect(refusal).toBeInstanceOf(NodeNameError);
      expect((left[0] as Server).homes.size, `seed ${seed}`).toBe(HOMES / 2);
      expect(other.homes.size).toBe(HOMES / 2);
    }
  });

  test('where the second came while the first was cut off: that one ends when it is back', async () => {
    const first = start('birch', 'one');
    await pass(SOON_MS);
    first.link.cut();
    await pass(SOON_MS);
    const second = start('birch', 'two');
    await pass(SOON_MS);
    expect([second.hasJoined, second.homes.size]).toEqual([true, HOMES]);

    first.link.mend();
    await pass(SOON_MS);

    expect(first.refusal).toBeInstanceOf(NodeNameError);
    expect([second.refusal, second.homes.size, first.homes.size]).toEqual([undefined, HOMES, 0]);
  });
});

describe('a server that is started again with its name', () => {
  test('comes in after it was killed, once what it was before is known to be dead', async () => {
    const other = start('ash', 'other');
    const before = start('birch', 'one');
    await pass(SOON_MS);
    before.kill();

    const again = start('birch', 'two');
    await pass(LEASE_MS / 2);
    expect([again.hasJoined, again.refusal]).toEqual([false, undefined]);
    expect(again.log.join('\n')).toContain(
      `a server of the name birch was here before, as peer ${before.membership.self.number}`,
    );

    await pass(2 * SOON_MS);
    expect([again.hasJoined, again.refusal]).toEqual([true, undefined]);
    expect([other.homes.size, again.homes.size]).toEqual([HOMES / 2, HOMES / 2]);
    expect(again.membership.self.isLeaving).toBe(false);
  });

  test('comes in at once after it has left in order', async () => {
    const before = start('birch', 'one');
    await pass(SOON_MS);
    const leaving = before.membership.leave();
    await pass(LEASE_MS);
    await leaving;

    const again = start('birch', 'two');
    await pass(LEASE_MS / 4);
    expect(again.hasJoined).toBe(true);
  });

  test('comes in where it is alone, and nobody else finds out that it had died', async () => {
    const before = start('birch', 'one');
    await pass(SOON_MS);
    before.kill();
    const again = start('birch', 'two');
    await pass(2 * SOON_MS);
    expect([again.hasJoined, again.homes.size]).toEqual([true, HOMES]);
  });
});

describe('the workers of one server', () => {
  test('have one name and are let in together; one that is started again comes in at once', async () => {
    const [one, two] = [start('birch', 'one', 0), start('birch', 'one', 1)];
    await pass(SOON_MS);
    expect([one.hasJoined, two.hasJoined]).toEqual([true, true]);
    one.kill();
    const again = start('birch', 'one', 0);
    await pass(LEASE_MS / 4);
    expect(again.hasJoined).toBe(true);
    await pass(2 * SOON_MS);
    expect([two.refusal, again.refusal]).toEqual([undefined, undefined]);
  });

  test('keep the name while one of them is there, whichever came back last', () => {
    const peer = (number: number, instance: string): Peer => ({ ...peerOf(number), node: 'birch', instance });
    const peers = new Map(
      [peer(2, 'one'), peer(3, 'two'), peer(5, 'one')].map((each) => [each.number, each]),
    );
    expect(earlierNamesakes(peers, peer(5, 'one'))).toEqual([]);
    expect(earlierNamesakes(peers, peer(3, 'two')).map(({ number }) => number)).toEqual([2, 5]);
    expect(earlierNamesakes(peers, { ...peer(5, 'three'), number: 0 })).toHaveLength(3);
  });

  test('are told apart by who came first also where the numbers of peers begin anew', () => {
    const peer = (number: number, instance: string): Peer => ({ ...peerOf(number), node: 'birch', instance });
    const peers = new Map([peer(59_999, 'one'), peer(2, 'two')].map((each) => [each.number, each]));
    expect(earlierNamesakes(peers, peer(59_999, 'one'))).toEqual([]);
    expect(earlierNamesakes(peers, peer(2, 'two')).map(({ number }) => number)).toEqual([59_999]);
  });
});
