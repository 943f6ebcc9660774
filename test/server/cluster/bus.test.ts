import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HomeMessage } from '../../../server/bus/bus.js';
import { ClusterBus } from '../../../server/cluster/cluster-bus.js';
import type { BusConnection } from '../../../server/cluster/peer-links.js';
import {
  HOMES,
  numbered,
  peerOf,
  quiet,
  sequences,
  startPeer,
  startPeers,
  type TestPeer,
  upTo,
} from '../../support/cluster-peers.js';
import { type NatsServer, startNatsServer } from '../../support/nats-server.js';

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Two peers that know each other: the homes with odd numbers are those of the second. */
async function pair(options?: Parameters<typeof startPeers>[2]): Promise<[TestPeer, TestPeer]> {
  return (await startPeers(await startNatsServer(), 2, options)) as [TestPeer, TestPeer];
}

describe('the bus between peers', () => {
  test('brings a message to the home of another peer, and the answer to the connection', async () => {
    const [one, two] = await pair();
    two.onHome = (home, message) => {
      if (message.kind === 'submit')
        two.bus
          .home(home)
          .send(message.worker, { kind: 'accepted', connection: message.connection, id: message.id });
    };

    const payload = Buffer.from('hello');
    one.bus.gateway.send(3, {
      kind: 'submit',
      from: 1,
      worker: one.bus.gateway.self,
      connection: 9,
      to: 2,
      id: 7,
      payload,
    });

    await expect
      .poll(() => one.toConnections)
      .toEqual([{ home: 3, message: { kind: 'accepted', connection: 9, id: 7 } }]);
    expect(two.toHomes).toMatchObject([{ home: 3, message: { kind: 'submit', worker: HOMES + 1, payload } }]);
    await quiet([one, two]);
  });

  test('says who can be reached: homes that somebody has, and connections of peers that are there', async () => {
    const [one] = await pair();
    const { gateway } = one.bus;
    expect(gateway).toMatchObject({ self: HOMES + 1, homes: { first: 0, count: HOMES } });
    expect([0, 1, HOMES + 1, HOMES + 2, HOMES + 3].map((address) => gateway.isConnected(address))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);

    one.bus.place(1, undefined);
    one.bus.place(3, 77);
    expect([gateway.isConnected(1), gateway.isConnected(3)]).toEqual([false, false]);
    one.bus.hold(1);
    expect(gateway.isConnected(1)).toBe(true);
    one.bus.down(2);
    expect(gateway.isConnected(HOMES + 2)).toBe(false);
  });

  test('hands what is for a home here over at once, and what homes here say to each other when they are done', async () => {
    const server = await startNatsServer();
    const peer = await startPeer(server, 1);
    for (const home of [0, 1]) peer.bus.place(home, 1);

    peer.send(0, 1);
    expect(peer.sequencesFrom(1)).toEqual([1]);

    const payload = Buffer.from('kept');
    const copies: HomeMessage = {
      kind: 'copies',
      group: 1,
      number: 1,
      from: 1,
      id: 1,
      members: [2],
      payload,
    };
    peer.bus.home(0).send(1, copies);
    payload.fill(0);
    peer.bus.home(0).send(1, numbered(5, 1));
    peer.bus.home(1).send(HOMES + 1, { kind: 'accepted', connection: 1, id: 1 });
    expect(peer.toHomes).toHaveLength(1);
    expect(peer.idsFrom(1)).toEqual([1]);
    await nextTurn();

    expect(peer.toHomes.slice(1)).toEqual([
      { home: 1, message: { ...copies, payload: Buffer.from('kept') } },
      { home: 1, message: numbered(5, 1) },
    ]);
  });

  test('loses nothing and doubles nothing where NATS loses, doubles and delays', async () => {
    const server = await startNatsServer();
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.nat(3), async (seed, pause) => {
        const peers = await startFaulty(server, seed);
        const count = 300;
        for (let sequence = 1; sequence <= count; sequence += 1) {
          for (const peer of peers) {
            peer.send(sequence % HOMES, sequence);
            const other = HOMES + (peer.self.number % peers.length) + 1;
            const home = peer.self.number - 1;
            peer.bus.home(home).send(other, { kind: 'accepted', connection: 1, id: sequence });
          }
          if (sequence % (pause + 1) === 0) await nextTurn();
        }
        await quiet(peers);

        for (const sender of peers) {
          const { number } = sender.self;
          for (let home = 0; home < HOMES; home += 1) {
            const owner = peers[home % peers.length] as TestPeer;
            expect(owner.sequencesFrom(number, home)).toEqual(
              upTo(count).filter((each) => each % HOMES === home),
            );
          }
          expect(peers[number % peers.length]?.idsFrom(number - 1)).toEqual(upTo(count));
          expect(sender.troubles).toEqual([]);
        }
        await Promise.all(peers.map(({ bus }) => bus.close()));
      }),
      { numRuns: 3 },
    );
  });

  test('loses nothing and doubles nothing while the nats-server is killed and started again', async () => {
    const server = await startNatsServer();
    const peers = (await startPeers(server, 2)) as [TestPeer, TestPeer];
    const [one, two] = peers;
    let sequence = 0;
    let isTalking = true;
    const talk = (): void => {
      sequence += 1;
      one.send(1, sequence);
      two.bus.home(1).send(HOMES + 1, { kind: 'accepted', connection: 1, id: sequence });
      if (isTalking) setImmediate(talk);
    };
    talk();
    for (let kill = 0; kill < 3; kill += 1) {
      const before = sequence;
      await expect.poll(() => two.toHomes.length).toBeGreaterThan(before);
      await server.kill();
      await expect.poll(() => one.bus.waitingBytes).toBeGreaterThan(0);
      await server.start();
    }
    isTalking = false;
    await nextTurn();
    await quiet(peers);

    expect(two.sequencesFrom(1)).toEqual(upTo(sequence));
    expect(one.idsFrom(1)).toEqual(upTo(sequence));
    expect(one.bus.stats.peers[0]?.repeated).toBeGreaterThan(0);
  });

  test('takes from a peer that membership shows later what that has said before', async () => {
    const server = await startNatsServer();
    const [one, two] = [await startPeer(server, 1), await startPeer(server, 2)];
    one.bus.up(two.self);
    one.bus.place(1, 2);
    one.send(1, 1);
    await nextTurn();
    await two.connection.flush();
    one.send(1, 2);
    await nextTurn();

    two.bus.up(one.self);

    await expect.poll(() => two.sequencesFrom(1)).toEqual([1, 2]);
    await quiet([one, two]);
  });

  test('forgets what was under way to a peer that is gone, and speaks with its successor anew', async () => {
    const server = await startNatsServer();
    const [one, two] = (await startPeers(server, 2)) as [TestPeer, TestPeer];
    one.send(1, 1);
    await quiet([one]);
    await two.connection.close();
    one.send(1, 2);
    expect(one.bus.waitingBytes).toBeGreaterThan(0);

    one.bus.down(2);
    expect(one.bus.waitingBytes).toBe(0);
    one.send(1, 3);
    const three = await startPeer(server, 3);
    three.bus.up(one.self);
    one.bus.up(three.self);
    one.bus.place(1, 3);
    one.send(1, 4);

    await expect.poll(() => three.sequencesFrom(1)).toEqual([4]);
    expect(two.sequencesFrom(1)).toEqual([1]);
    await quiet([one, three]);
  });

  test('says what it had to say before it closes', async () => {
    const [one, two] = await pair();
    for (const sequence of upTo(1000)) one.send(1, sequence);

    await one.bus.close();

    expect(two.sequencesFrom(1)).toEqual(upTo(1000));
    one.send(1, 1001);
    expect(one.bus.waitingBytes).toBe(0);
  });

  test('that comes in again under a new number has forgotten what it was about to say', async () => {
    const [one, two] = await pair();
    one.send(1, 1);
    await quiet([one]);
    one.send(1, 2);
    one.bus.hold(5);
    one.send(5, 3);

    await one.join(peerOf(4));
    expect(one.bus.waitingBytes).toBe(0);
    expect(one.bus.gateway.self).toBe(HOMES + 4);
    two.bus.down(1);
    two.bus.up(one.self);
    one.send(1, 5);
    two.bus.home(1).send(HOMES + 4, { kind: 'accepted', connection: 1, id: 6 });

    await expect.poll(() => two.sequencesFrom(4)).toEqual([5]);
    await expect.poll(() => one.idsFrom(1)).toEqual([6]);
    expect(two.sequencesFrom(1)).toEqual([1]);
  });
});

describe('a home that moves', () => {
  test('is told what was held before all that is said later, wherever it is', async () => {
    const [one, two] = await pair();
    one.send(1, 1);
    one.bus.hold(1);
    one.send(1, 2);
    // Homes keep what they have to say to others themselves, and say it again.
    one.bus.home(0).send(1, numbered(1, 3));
    expect(one.bus.home(0).isConnected(1)).toBe(false);
    expect(one.bus.stats.heldBytes).toBeGreaterThan(0);
    one.bus.place(1, undefined);
    one.send(1, 4);
    one.bus.place(1, 2);
    one.bus.release(1);
    one.send(1, 5);
    await expect.poll(() => two.sequencesFrom(1)).toEqual([1, 2, 4, 5]);
    expect(one.bus.stats.heldBytes).toBe(0);

    one.bus.hold(1);
    one.send(1, 6);
    one.bus.place(1, 1);
    one.bus.release(1);
    one.send(1, 7);
    expect(one.sequencesFrom(1)).toEqual([6, 7]);

    one.bus.hold(1);
    one.send(1, 8);
    one.bus.dropHeld(1);
    one.send(1, 9);
    expect(one.sequencesFrom(1)).toEqual([6, 7, 9]);
    await quiet([one, two]);
  });

  test('hears everything in the order in which each has said it, though all talk on while it moves', async () => {
    const server = await startNatsServer();
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const peers = await startFaulty(server, seed);
        const percent = percents(seed);
        const home = 5;
        const log: { home: number; message: HomeMessage }[] = [];
        let owner = 3;
        for (const peer of peers) {
          peer.onHome = (home, message) => {
            // Whoever is told must be the owner, and serve it.
            expect(peer.self.number).toBe(owner);
            log.push({ home, message });
          };
        }
        const counts = peers.map(() => 0);
        let isTalking = true;
        const talking = peers.map(async (peer, index) => {
          while (isTalking) {
            counts[index] = (counts[index] ?? 0) + 1;
            peer.send(home, counts[index]);
            do await nextTurn();
            while (peer.bus.waitingBytes > 100_000);
          }
        });
        for (let epoch = 1; epoch <= 4; epoch += 1) {
          const former = peers[owner - 1] as TestPeer;
          for (const { bus } of peers) {
            bus.hold(home);
            bus.sayHeld(owner, home, epoch);
            for (let turns = percent() % 4; turns > 0; turns -= 1) await nextTurn();
          }
          await expect
            .poll(() =>
              former.held
                .filter((held) => held.epoch === epoch)
                .map(({ peer }) => peer)
                .sort(),
            )
            .toEqual([1, 2, 3]);
          owner = (owner % peers.length) + 1;
          for (const { bus } of peers) {
            bus.place(home, owner);
            bus.release(home);
            for (let turns = percent() % 4; turns > 0; turns -= 1) await nextTurn();
          }
        }
        isTalking = false;
        await Promise.all(talking);
        await quiet(peers);

        for (const [index, count] of counts.entries()) expect(sequences(log, index + 1)).toEqual(upTo(count));
        await Promise.all(peers.map(({ bus }) => bus.close()));
      }),
      { numRuns: 2 },
    );
  });
});

describe('what waits for others', () => {
  test('is counted until they confirm it, and held messages with it', async () => {
    const [one, two] = await pair();
    const payload = Buffer.alloc(1000);
    const submit: HomeMessage = {
      kind: 'submit',
      from: 1,
      worker: HOMES + 1,
      connection: 1,
      to: 2,
      id: 1,
      payload,
    };
    for (let each = 0; each < 10; each += 1) one.bus.gateway.send(1, submit);
    one.bus.hold(3);
    for (let each = 0; each < 10; each += 1) one.bus.gateway.send(3, submit);

    expect(one.bus.gateway.waitingBytes).toBeGreaterThan(20_000);
    expect(one.bus.gateway.waitingBytes).toBeLessThan(22_000);
    one.bus.flush();
    expect(one.bus.stats.peers).toMatchObject([{ peer: 2, sent: 1, isBehind: false }]);
    await expect.poll(() => one.bus.stats.peers[0]?.waitingBytes).toBe(0);
    expect(one.bus.waitingBytes).toBe(one.bus.stats.heldBytes);

    one.bus.release(3);
    await quiet([one, two]);
    expect(two.toHomes).toHaveLength(20);
  });

  test('makes a peer that takes nothing one that is told of, and at last one that is given up', async () => {
    const server = await startNatsServer();
    const one = await startPeer(server, 1, { behindBytes: 100_000, mostWaitingBytes: 300_000 });
    const silent = peerOf(2);
    one.bus.up(silent);
    one.bus.place(1, 2);
    const payload = Buffer.alloc(50_000);
    const say = (): void => {
      one.bus.gateway.send(1, {
        kind: 'submit',
        from: 1,
        worker: HOMES + 1,
        connection: 1,
        to: 2,
        id: 1,
        payload,
      });
      one.bus.flush();
    };
    say();
    expect(one.bus.stats.peers).toMatchObject([{ peer: 2, isBehind: false }]);
    say();
    expect(one.bus.stats.peers).toMatchObject([{ peer: 2, isBehind: true }]);
    for (let each = 0; each < 4; each += 1) say();
    expect(one.bus.gateway.isConnected(1)).toBe(false);
    await nextTurn();

    expect(one.stuck).toEqual([2]);
    expect(one.bus.waitingBytes).toBe(0);
    // Membership may still show it: it cannot be talked to under this number.
    one.bus.up(silent);
    expect(one.bus.gateway.isConnected(1)).toBe(false);
  });
});

describe('the subject of a peer', () => {
  test('takes no harm from garbage, which is counted and told of once', async () => {
    const [one, two] = await pair();
    const subject = 'c2m.test.bus.1.2';
    for (const garbage of ['', 'nonsense', 'x'.repeat(5000)]) one.connection.publish(subject, garbage);
    // A header as the first peer would write it, behind it what is no message.
    const forged = Buffer.alloc(60, 0xff);
    Buffer.from([0xc2, 2, 0, 0, 1, 0, 2, 0]).copy(forged);
    forged.writeDoubleLE(1, 8);
    forged.writeDoubleLE(0, 16);
    one.connection.publish(subject, forged);
    await one.connection.flush();
    one.send(1, 1);
    await expect.poll(() => two.sequencesFrom(1)).toEqual([1]);

    expect(two.bus.stats.bad).toBe(4);
    expect(two.troubles).toEqual([
      expect.stringContaining('only peers of the cluster may publish there'),
      'from node node-1 (peer 1): batch 1 cannot be read',
    ]);
  });

  test('must be one on which a batch can come', async () => {
    const server = await startNatsServer({ config: 'max_payload: 100000' });
    await expect(startPeer(server, 1)).rejects.toThrow(
      'the nats-server takes messages of at most 100000 bytes: set max_payload to 1MB',
    );
  });

  test.for([
    ['one message', { maxFrameBytes: 1_048_576, groupMembers: 8 }, 1_048_707],
    [
      'a message to a group, with all whom it is for',
      { maxFrameBytes: 1_000_000, groupMembers: 8000 },
      1_064_067,
    ],
  ] as const)('must be one on which a client can be heard: %s', async ([, limits, bytes]) => {
    const server = await startNatsServer();
    await expect(startPeer(server, 1, { limits })).rejects.toThrow(
      `limits.maxFrameBytes (${limits.maxFrameBytes}) and limits.groupMembers (${limits.groupMembers}) make messages of up to ` +
        `${bytes} bytes between nodes, and the nats-server takes 1048576: set max_payload to ${bytes} or more on each of its servers, or lower these limits`,
    );
    await startPeer(server, 2, { limits: { maxFrameBytes: 65_536, groupMembers: 256 } });
  });

  test('keeps a message for which the nats-server has no room until it has, and says what to raise', async () => {
    const server = await startNatsServer({ config: 'max_payload: 600000' });
    const [one, two] = (await startPeers(server, 2)) as [TestPeer, TestPeer];
    const payload = Buffer.alloc(700_000, 7);
    const [worker, connection] = [one.bus.gateway.self, 9];
    // As a mailbox may have it from when larger frames were let in.
    one.bus.gateway.send(1, { kind: 'submit', from: 1, worker, connection, to: 2, id: 7, payload });
    one.send(1, 1);
    await expect
      .poll(() => one.troubles)
      .toEqual([
        'a message of 700061 bytes waits for node node-2 (peer 2), and the nats-server takes 600000: set max_payload to 700061 or more on each of its servers',
      ]);
    await server.kill();
    await server.start('max_payload: 1MB');
    await expect.poll(() => two.sequencesFrom(1)).toEqual([1]);
    expect(two.toHomes.map(({ message }) => message.kind)).toEqual(['submit', 'acknowledge']);
  });

  test('cannot be that of a cluster whose name is no part of a subject', async () => {
    const connection = {} as BusConnection;
    expect(() => new ClusterBus({ connection, cluster: 'a.b', homes: 4 })).toThrow('use letters, digits');
    expect(() => new ClusterBus({ connection, cluster: 'a', homes: 5000 })).toThrow(
      'a cluster has 1 to 4096',
    );
  });
});

let runs = 0;

/** Three peers, in a cluster of their own: of a hundred messages of each ten are lost, ten come twice, and ten late. */
function startFaulty(server: NatsServer, seed: number): Promise<TestPeer[]> {
  runs += 1;
  const percent = percents(seed);
  return startPeers(server, 3, {
    cluster: `run-${runs}`,
    through: (connection) => faulty(connection, percent),
  });
}

function faulty(connection: BusConnection, percent: () => number): BusConnection {
  return {
    subscribe: (subject, options) => connection.subscribe(subject, options),
    flush: () => connection.flush(),
    isClosed: () => connection.isClosed(),
    publish: (subject, bytes) => {
      const chance = percent();
      if (chance < 10) return;
      connection.publish(subject, bytes);
      if (chance < 20) connection.publish(subject, bytes);
      if (chance < 90) return;
      const late = Buffer.from(bytes as Buffer);
      setTimeout(() => !connection.isClosed() && connection.publish(subject, late), chance - 85);
    },
  };
}

/** Numbers from 0 to 99, the same for the same seed (a linear congruential generator, as in Numerical Recipes). */
function percents(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * 100);
  };
}
