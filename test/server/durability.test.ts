import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FLAG_REDELIVERY, FrameType, ReasonCode } from '../../protocol/frame.js';
import { homeWorker } from '../../server/bus/bus.js';
import type { ServerConfigInput } from '../../server/config.js';
import { spawnServer } from '../../server/processes/spawn.js';
import type { RunningServer } from '../../server/server.js';
import { TestClient } from '../support/client.js';
import { testFolder } from '../support/folder.js';
import { addressOf, crash, statsOf, testServer } from '../support/server.js';

const ANNA = 1;
const BERT = 2;

function durable(folder: string): ServerConfigInput {
  return { store: 'lmdb', lmdb: { folder } };
}

/** Two processes take the connections, and another keeps the mailboxes. */
async function withOneHome(): Promise<RunningServer> {
  return testServer({ ...durable(testFolder()), workers: 2, homes: 1 });
}

const HOME = 2;

describe('what was accepted', () => {
  test('is there when the process that keeps the mailbox was killed', async () => {
    const server = await withOneHome();
    const anna = await TestClient.login(addressOf(server), ANNA);
    anna.send(BERT, 1, 'accepted');
    await anna.next(FrameType.Accepted);

    await crash(server, HOME);

    const bert = await TestClient.login(addressOf(server), BERT);
    expect(bert.welcome.waiting).toBe(1);
    const message = await bert.next(FrameType.Deliver);
    // Nobody can tell any more whether it was sent before: it says so.
    expect(message).toMatchObject({ from: ANNA, id: 1, sequence: 1, flags: FLAG_REDELIVERY });
    expect(Buffer.from(message.payload).toString()).toBe('accepted');
  });

  test('is delivered once though it is sent again, whether it waits or was fetched before the crash', async () => {
    const server = await withOneHome();
    const anna = await TestClient.login(addressOf(server), ANNA);
    const bert = await TestClient.login(addressOf(server), BERT);
    anna.send(BERT, 1, 'fetched');
    bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
    await anna.next(FrameType.Accepted);
    await anna.next(FrameType.Receipt);
    await bert.cut();
    anna.send(BERT, 2, 'waiting');
    await anna.next(FrameType.Accepted);

    await crash(server, HOME);

    const again = await TestClient.login(addressOf(server), ANNA);
    again.send(BERT, 1, 'fetched');
    again.send(BERT, 2, 'waiting');
    again.send(BERT, 3, 'new');
    // She has not acknowledged the receipt of the first, so it comes again.
    expect(await again.next(FrameType.Receipt)).toMatchObject({ id: 1, flags: FLAG_REDELIVERY });
    for (const id of [1, 2, 3]) expect((await again.next(FrameType.Accepted)).id).toBe(id);
    const back = await TestClient.login(addressOf(server), BERT);
    expect(back.welcome.waiting).toBe(2);
    for (const id of [2, 3]) expect((await back.next(FrameType.Deliver)).id).toBe(id);
  });

  test('has its receipt kept for a sender who is away, through a crash', async () => {
    const server = await withOneHome();
    const anna = await TestClient.login(addressOf(server), ANNA);
    anna.send(BERT, 1, 'and then she left');
    await anna.next(FrameType.Accepted);
    await anna.cut();
    const bert = await TestClient.login(addressOf(server), BERT);
    bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
    await passThrough(bert, BERT);

    await crash(server, HOME);

    const back = await TestClient.login(addressOf(server), ANNA);
    expect(await back.next(FrameType.Receipt)).toMatchObject({ by: BERT, id: 1 });
  });

  test('has its receipt handed from home to home, though the sender’s was dead when it was made', async () => {
    // Every process keeps its share: Anna's home is worker 1, Bert's is worker 0.
    const server = await testServer({ ...durable(testFolder()), workers: 2, portPerWorker: true });
    expect([ANNA, BERT].map((user) => homeWorker(user, { first: 0, count: 2 }))).toEqual([1, 0]);
    const address = server.addresses[0] as RunningServer['addresses'][0];
    const anna = await TestClient.login(address, ANNA);
    const bert = await TestClient.login(address, BERT);
    anna.send(BERT, 1, 'hi');
    const { sequence } = await bert.next(FrameType.Deliver);
    await anna.next(FrameType.Accepted);

    const crashed = crash(server, 1);
    await anna.closed;
    bert.acknowledge(sequence);
    await crashed;

    const back = await TestClient.login(address, ANNA);
    expect(await back.next(FrameType.Receipt)).toMatchObject({ by: BERT, id: 1 });
  });

  test('is there when the whole server was killed, and is started again with more processes', async () => {
    const config = {
      ...durable(testFolder()),
      listen: ['tcp://127.0.0.1:0'],
      admin: { port: 0 },
      logLevel: 'silent' as const,
    } as ServerConfigInput;
    const server = await spawnServer(config);
    const anna = await TestClient.login(server.addresses[0] as never, ANNA);
    for (let id = 1; id <= 50; id += 1) anna.send(BERT + id, id, `to ${id}`);
    for (let id = 1; id <= 50; id += 1) await anna.next(FrameType.Accepted);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;

    const second = await testServer({ ...config, workers: 3 });

    for (let id = 1; id <= 50; id += 1) {
      const reader = await TestClient.login(addressOf(second), BERT + id);
      expect(await reader.next(FrameType.Deliver)).toMatchObject({ from: ANNA, id });
    }
    expect((await statsOf(second)).store).toMatchObject({ kind: 'lmdb', items: 50 });
  });
});

describe('the folder of the mailboxes', () => {
  test('belongs to one server at a time', async () => {
    const folder = testFolder();
    await testServer(durable(folder));
    await expect(
      spawnServer({ ...durable(folder), listen: ['tcp://127.0.0.1:0'], admin: null }),
    ).rejects.toThrow(/is in use by process \d+: end that server, or name another folder/);
  });

  test('is given up by a process that was killed before it could say who it is', async () => {
    const folder = testFolder();
    const first = await testServer(durable(folder));
    await first.close();
    writeFileSync(join(folder, 'owner'), '');
    const second = await testServer(durable(folder));
    expect((await statsOf(second)).store.kind).toBe('lmdb');
  });

  test('refuses messages once it is full, serves those it has, and takes more when there is room', async () => {
    const folder = testFolder();
    const server = await testServer({ ...durable(folder), lmdb: { folder, maxBytes: 2 ** 20 } });
    const anna = await TestClient.login(addressOf(server), ANNA);
    let refusal: unknown;
    for (let id = 1; refusal === undefined && id < 100; id += 1) {
      anna.send(BERT, id, 'x'.repeat(60_000));
      // The size is looked at several times a second.
      const [answer] = await anna.settle();
      if (answer?.type === FrameType.Error) refusal = answer;
      await fetch(`${server.adminUrl}/stats`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(refusal).toMatchObject({ code: ReasonCode.StoreFull });
    const bert = await TestClient.login(addressOf(server), BERT);
    expect(bert.welcome.waiting).toBeGreaterThan(5);
    for (let items = bert.welcome.waiting; items > 0; items -= 1)
      bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
    let id = 1000;
    const again = async () => {
      id += 1;
      anna.send(BERT, id, 'there is room');
      const answers = await anna.settle();
      return answers.some((answer) => answer.type === FrameType.Accepted && answer.id === id);
    };
    await expect.poll(again).toBe(true);
  });

  test('loses what nobody fetched within the retention time, and says how much', async () => {
    const server = await testServer({ ...durable(testFolder()), limits: { retentionMs: 1000 } });
    const anna = await TestClient.login(addressOf(server), ANNA);
    anna.send(BERT, 1, 'too late');
    await anna.next(FrameType.Accepted);

    await expect.poll(async () => (await statsOf(server)).counters.expired).toBe(1);

    const bert = await TestClient.login(addressOf(server), BERT);
    expect(bert.welcome.waiting).toBe(0);
  });
});

/** Resolves once the home of `user` has done what the client said before: it takes what comes from one in order. */
async function passThrough(client: TestClient, user: number): Promise<void> {
  client.send(user, 1000, 'to myself');
  await client.next(FrameType.Accepted);
}
