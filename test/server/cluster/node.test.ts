import { describe, expect, test, vi } from 'vitest';
import { FrameType } from '../../../protocol/frame.js';
import type { RunningServer } from '../../../server/server.js';
import { TestClient } from '../../support/client.js';
import { startNatsServer } from '../../support/nats-server.js';
import { addressOf, crash, statsOf, testServer } from '../../support/server.js';

const HOMES = 8;
/** Users enough that every home has some. */
const USERS = Array.from({ length: 24 }, (_, index) => index + 1);

async function startNode(nats: string, node: string, workers = 1): Promise<RunningServer> {
  return testServer({
    store: 'jetstream',
    workers,
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

async function natsAddress(): Promise<string> {
  const { endpoint } = await startNatsServer({ hasJetStream: true });
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
