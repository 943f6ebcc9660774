import cluster, { Worker } from 'node:cluster';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FLAG_REDELIVERY, FrameType, ReasonCode } from '../../../protocol/frame.js';
import { TestClient } from '../../support/client.js';
import { addressOf, crash, statsOf, testServer } from '../../support/server.js';

const ANNA = 1;
const BERT = 2;

describe('a process that is killed at a bad moment', () => {
  /** Kills whatever process is about to be told of a restart, so often; the kernel has seen it die, and nobody else. */
  function killBeforeReconnect(times: number, victim: (told: Worker) => number | undefined): void {
    const send = Worker.prototype.send;
    let left = times;
    vi.spyOn(Worker.prototype, 'send').mockImplementation(function (this: Worker, ...args) {
      const message = args[0] as unknown as { kind: string };
      const pid = left > 0 && message.kind === 'reconnect' ? victim(this) : undefined;
      if (pid !== undefined) {
        left -= 1;
        process.kill(pid, 'SIGKILL');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      }
      return send.apply(this, args as never);
    });
  }

  afterEach(() => vi.restoreAllMocks());

  test('ends no server: a worker that dies while it is told that another is back', async () => {
    const server = await testServer({ workers: 2 });
    killBeforeReconnect(1, (told) => told.process.pid);
    await crash(server, 0);
    await expect.poll(async () => (await statsOf(server)).restarts.length).toBe(2);
    await TestClient.login(addressOf(server), ANNA);
  });

  test('takes no other process with it: a home that dies again before the others have reached it', async () => {
    const server = await testServer({ workers: 6, homes: 1 });
    const HOME = 6;
    const pidOf = async () => (await statsOf(server)).workers.find(({ worker }) => worker === HOME)?.pid;
    await expect.poll(pidOf).toBeDefined();
    let successor: number | undefined;
    const fork = cluster.fork.bind(cluster);
    vi.spyOn(cluster, 'fork').mockImplementation((...args) => {
      const child = fork(...args);
      successor = child.process.pid;
      return child;
    });
    killBeforeReconnect(1, () => successor);

    process.kill((await pidOf()) as number, 'SIGKILL');

    await expect
      .poll(async () => (await statsOf(server)).restarts.map(({ worker }) => worker))
      .toEqual([HOME]);
    await TestClient.login(addressOf(server), ANNA);
    expect((await statsOf(server)).restarts).toHaveLength(1);
  });
});

describe('a worker that is killed', () => {
  // One worker takes all connections, the other process keeps all mailboxes.
  const start = () => testServer({ workers: 2, homes: 1, portPerWorker: true });

  test('is started again on the same address, and /stats says so', async () => {
    const server = await start();
    const before = await TestClient.login(addressOf(server), ANNA);

    const { restarts } = await crash(server, 0);

    await before.closed;
    expect(restarts).toEqual([
      expect.objectContaining({ worker: 0, reason: expect.stringContaining('SIGKILL') }),
    ]);
    const anna = await TestClient.login(addressOf(server), ANNA);
    expect(anna.welcome.waiting).toBe(0);
  });

  test('loses no message that waits for its users, and hears of those that come', async () => {
    const server = await start();
    const [first, second] = server.addresses as [(typeof server.addresses)[0], (typeof server.addresses)[0]];
    const anna = await TestClient.login(second, ANNA);
    const bert = await TestClient.login(first, BERT);
    anna.send(BERT, 1, 'seen, and not acknowledged');
    await bert.next(FrameType.Deliver);

    await crash(server, 0);
    await bert.closed;
    anna.send(BERT, 2, 'sent meanwhile');
    await anna.next(FrameType.Accepted);
    await anna.next(FrameType.Accepted);
    const back = await TestClient.login(first, BERT);

    expect(back.welcome.waiting).toBe(2);
    expect(await back.next(FrameType.Deliver)).toMatchObject({ id: 1, flags: FLAG_REDELIVERY });
    expect(await back.next(FrameType.Deliver)).toMatchObject({ id: 2, flags: 0 });
  });

  test('lets go of the clients whose mailboxes it kept, so that they log in anew', async () => {
    const server = await start();
    const anna = await TestClient.login(addressOf(server), ANNA);

    await crash(server, 2);

    expect((await anna.next(FrameType.Error)).code).toBe(ReasonCode.InternalError);
    await anna.closed;
    const again = await TestClient.login(addressOf(server), ANNA);
    again.send(ANNA, 1, 'to myself');
    await again.next(FrameType.Accepted);
    expect((await again.next(FrameType.Deliver)).id).toBe(1);
  });
});
