import { describe, expect, test } from 'vitest';
import {
  FLAG_REDELIVERY,
  type Frame,
  FrameType,
  PROTOCOL_VERSION,
  ReasonCode,
} from '../../protocol/frame.js';
import { TestClient } from '../support/client.js';
import { addressOf, testServer } from '../support/server.js';

const ANNA = 1;
const BERT = 2;

/** What docs/protocol.md says in words; its examples and tables are checked by test/protocol/page.test.ts. */
describe('as the protocol page says,', () => {
  test('WELCOME comes before all other answers, also where another process keeps the mailbox', async () => {
    const address = addressOf(await testServer({ workers: 2 }));
    const clients = await Promise.all(Array.from({ length: 40 }, () => TestClient.connect(address)));
    const first = await Promise.all(
      clients.map((client, at) => {
        client.say(
          { type: FrameType.Hello, version: PROTOCOL_VERSION },
          { type: FrameType.Login, user: 100 + at, token: '' },
          { type: FrameType.Ping, nonce: 1 },
          { type: FrameType.Send, to: 100 + at, id: 1, payload: Buffer.from('to myself') },
        );
        return client.nextFrame();
      }),
    );
    expect(first.map(({ type }) => type)).toEqual(clients.map(() => FrameType.Welcome));
  });

  test('0 is a user, an id and a group like any other, and whoever writes to oneself gets message and receipt', async () => {
    const zero = await TestClient.login(addressOf(await testServer()), 0);
    zero.send(0, 0, 'note to self');
    await zero.next(FrameType.Accepted);
    expect(await zero.next(FrameType.Deliver)).toMatchObject({ sequence: 1, from: 0, id: 0 });
    zero.acknowledge(1);
    expect(await zero.next(FrameType.Receipt)).toMatchObject({ sequence: 2, by: 0, id: 0 });
    await zero.setGroup(0, [0, ANNA], 5);
    zero.sendToGroup(0, 0, 'hello');
    expect(await zero.next(FrameType.Accepted)).toMatchObject({ id: 0 });
  });

  test('the same id with another payload is the same message again: the first one stays', async () => {
    const address = addressOf(await testServer());
    const anna = await TestClient.login(address, ANNA);
    for (const text of ['first', 'second']) {
      anna.send(BERT, 7, text);
      expect(await anna.next(FrameType.Accepted)).toMatchObject({ id: 7 });
    }
    const bert = await TestClient.login(address, BERT);
    expect(bert.welcome.waiting).toBe(1);
    expect(Buffer.from((await bert.next(FrameType.Deliver)).payload).toString()).toBe('first');
  });

  test('the first id of WELCOME is above those that were used, and a counter may start there', async () => {
    const address = addressOf(await testServer());
    const anna = await TestClient.login(address, ANNA);
    const used = anna.welcome.firstId;
    for (let id = used; id < used + 100; id += 1) anna.send(BERT, id, 'one counter');
    for (let id = used; id < used + 100; id += 1) await anna.next(FrameType.Accepted);
    await anna.cut();

    const again = await TestClient.login(address, ANNA);
    expect(again.welcome.firstId).toBeGreaterThan(used + 99);
    again.send(BERT, again.welcome.firstId, 'the counter was lost');
    expect(await again.next(FrameType.Accepted)).toMatchObject({ id: again.welcome.firstId });
  });

  test('an item without ACK comes again with its mark, also after GOODBYE', async () => {
    const address = addressOf(await testServer());
    const anna = await TestClient.login(address, ANNA);
    anna.send(ANNA, 1, 'not acknowledged');
    await anna.next(FrameType.Accepted);
    expect(await anna.next(FrameType.Deliver)).toMatchObject({ flags: 0 });
    anna.say({ type: FrameType.Goodbye, code: 0 });
    await anna.closed;
    const again = await TestClient.login(address, ANNA);
    expect(await again.next(FrameType.Deliver)).toMatchObject({ flags: FLAG_REDELIVERY, id: 1 });
  });

  test('whatever comes before LOGIN is answered with NotLoggedIn, GOODBYE and GROUP too; a PONG later is ignored', async () => {
    const address = addressOf(await testServer());
    const frames: Frame[] = [
      { type: FrameType.Goodbye, code: 0 },
      { type: FrameType.Group, id: 1, group: 1, members: [1] },
      { type: FrameType.GroupSend, group: 1, id: 1, payload: Buffer.alloc(1) },
      { type: FrameType.Ack, sequence: 1 },
      { type: FrameType.Pong, nonce: 1 },
    ];
    for (const frame of frames) {
      const client = await TestClient.connect(address);
      client.say({ type: FrameType.Hello, version: PROTOCOL_VERSION }, frame);
      expect(await client.next(FrameType.Error)).toMatchObject({ code: ReasonCode.NotLoggedIn });
      await client.closed;
    }
    const anna = await TestClient.login(address, ANNA);
    anna.say({ type: FrameType.Pong, nonce: 1 });
    expect(await anna.settle()).toEqual([]);
  });

  test('a receipt comes into a mailbox that is full', async () => {
    const address = addressOf(await testServer({ limits: { mailboxLength: 1 } }));
    const [anna, bert] = [await TestClient.login(address, ANNA), await TestClient.login(address, BERT)];
    anna.send(BERT, 1, 'for you');
    await anna.next(FrameType.Accepted);
    bert.send(ANNA, 1, 'and for you');
    await anna.next(FrameType.Deliver);
    await bert.next(FrameType.Deliver);
    bert.acknowledge(1);
    expect(await anna.next(FrameType.Receipt)).toMatchObject({ by: BERT, id: 1 });
  });
});
