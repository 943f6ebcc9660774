import { describe, expect, test, vi } from 'vitest';
import { FrameType } from '../../../protocol/frame.js';
import type { Limits } from '../../../server/config.js';
import type { RunningServer } from '../../../server/server.js';
import { TestClient } from '../../support/client.js';
import { startNatsServer } from '../../support/nats-server.js';
import { addressOf, crash, statsOf, testServer } from '../../support/server.js';

const HOMES = 8;
/** Users enough that every home has some. */
const USERS = Array.from({ length: 24 }, (_, index) => index + 1);

async function startNode(
  nats: string,
  node: string,
  workers = 1,
  limits: Partial<Limits> = {},
): Promise<RunningServer> {
  return testServer({
    store: 'jetstream',
    workers,
    limits,
    cluster: { nats: { servers: [nats] }, name: 'test', node, homes: HOMES, replicas: 1, leaseMs: 1000 },
  });
}

/** Resolves once all homes are open, and each of so many nodes has its part. */
async function whenShared(nodes: RunningServer[]): Promise<void> {
  const look = async () => {
    const all = await Promise.all(nodes.map(statsOf));
    return all.map(({ cluster }) => ({
      open: cluster?.homes.filter(({ state }) => state === 'open').length,
      here: cluster?.workers[0]?.homes,
    }));
  };
  const part = HOMES / nodes.length;
  await expect.poll(look, { timeout: 30_000 }).toEqual(nodes.map(() => ({ open: HOMES, here: part })));
}

async function natsAddress(config = ''): Promise<string> {
  const { endpoint } = await startNatsServer({ hasJetStream: true, config });
  return `nats://127.0.0.1:${endpoint.port}`;
}

async function login(
  node: RunningServer,
  user: number,
): Promise<Awaited<ReturnType<typeof TestClient.login>>> {
  return TestClient.login(addressOf(node), user);
}

/** Sends a message, and resolves when it was accepted. */
async function send(from: TestClient, to: number, id: number): Promise<void> {
  from.say({ type: FrameType.Send, to, id, payload: Buffer.from(`message ${id}`) });
  expect(await from.next(FrameType.Accepted)).toMatchObject({ id });
}

describe('two nodes', () => {
  test('serve every user at either of them, whoever keeps the mailbox', async () => {
    const nats = await natsAddress();
    const nodes = [await startNode(nats, 'one'), await startNode(nats, 'two')] as const;
    await whenShared([...nodes]);
    const alice = await login(nodes[0], 1000);
    for (const user of USERS) {
      const client = await login(nodes[1], user);
      await send(alice, user, alice.welcome.firstId + user);
      const { sequence } = await client.next(FrameType.Deliver);
      client.say({ type: FrameType.Ack, sequence });
      expect(await alice.next(FrameType.Receipt)).toMatchObject({ by: user });
    }
  });

  test('keep what was accepted when one of them is gone', async () => {
    const nats = await natsAddress();
    const one = await startNode(nats, 'one');
    await whenShared([one]);
    const alice = await login(one, 1000);
    for (const user of USERS) await send(alice, user, alice.welcome.firstId + user);
    const two = await startNode(nats, 'two');
    await whenShared([one, two]);
    // Its homes moved to the other without a word to alice.
    for (const user of USERS) await send(alice, user, alice.welcome.firstId + 100 + user);
    await one.close();
    await alice.closed;
    for (const user of USERS) {
      const client = await login(two, user);
      const first = await client.next(FrameType.Deliver);
      const second = await client.next(FrameType.Deliver);
      expect([first.id, second.id].map((id) => id - alice.welcome.firstId)).toEqual([user, 100 + user]);
    }
  });
});

describe('frames that are larger than others', () => {
  const large = { maxFrameBytes: 6_000_000, groupMembers: 16, outboundBufferBytes: 20_000_000 };

  test('go between nodes and into the logs of homes, and are there for the next owner of a home', async () => {
    const nats = await natsAddress('max_payload: 8MB');
    const one = await startNode(nats, 'one', 1, large);
    const two = await startNode(nats, 'two', 1, large);
    await whenShared([one, two]);
    const alice = await login(one, 1000);
    const payload = Buffer.alloc(5_900_000, 'c2m');
    for (const to of USERS.slice(0, 4)) {
      const id = alice.welcome.firstId + to;
      alice.say({ type: FrameType.Send, to, id, payload });
      expect(await alice.next(FrameType.Accepted)).toMatchObject({ id });
    }
    // What the logs have of it is read by who has the homes next.
    await one.close();
    await whenShared([two]);
    for (const user of USERS.slice(0, 4)) {
      const client = await login(two, user);
      const delivered = await client.next(FrameType.Deliver);
      expect(delivered.id).toBe(alice.welcome.firstId + user);
      expect(payload.equals(delivered.payload)).toBe(true);
    }
  });

  test('are more than a nats-server takes that was not told so: the node does not come in, and says what to raise', async () => {
    const nats = await natsAddress();
    await expect(startNode(nats, 'one', 1, large)).rejects.toThrow(
      'the nats-server takes 1048576: set max_payload to 6000195 or more on each of its servers',
    );
    // Nothing of it is left that others would have to wait for.
    const two = await startNode(nats, 'two');
    await whenShared([two]);
    expect((await statsOf(two)).cluster?.peers).toHaveLength(1);
  });
});

describe('a node of two workers', () => {
  const homesOf = async (node: RunningServer) =>
    (await statsOf(node)).cluster?.workers.map(({ homes }) => homes);

  test('is two peers, each with its part of the homes, and goes on when one of them dies', async () => {
    const node = await startNode(await natsAddress(), 'one', 2);
    await expect.poll(() => homesOf(node), { timeout: 30_000 }).toEqual([HOMES / 2, HOMES / 2]);
    const alice = await login(node, 1000);
    for (const user of USERS) await send(alice, user, alice.welcome.firstId + user);
    await crash(node, 0);
    await expect.poll(() => homesOf(node), { timeout: 30_000 }).toEqual([HOMES / 2, HOMES / 2]);
    for (const user of USERS) {
      // Either worker may take the connection, and hear a moment later than the other that a home is open.
      const client = await vi.waitFor(() => login(node, user), { timeout: 30_000 });
      expect((await client.next(FrameType.Deliver)).id).toBe(alice.welcome.firstId + user);
      await send(client, 1000, client.welcome.firstId);
    }
  });
});
