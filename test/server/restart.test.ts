import { describe, expect, test } from 'vitest';
import { FLAG_REDELIVERY, FrameType, ReasonCode } from '../../protocol/frame.js';
import { TestClient } from '../support/client.js';
import { addressOf, crash, testServer } from '../support/server.js';

const ANNA = 1;
const BERT = 2;

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
