import { describe, expect, test } from 'vitest';
import { FLAG_REDELIVERY, FrameType, GoodbyeCode, ReasonCode } from '../../protocol/frame.js';
import { TestClient } from '../support/client.js';
import { addressOf, testServer } from '../support/server.js';

const ANNA = 1;
const BERT = 2;

const carriers = [
  { name: 'TCP', listen: 'tcp://127.0.0.1:0', workers: 1 },
  { name: 'TCP with two workers and two homes', listen: 'tcp://127.0.0.1:0', workers: 2, homes: 2 },
  { name: 'TLS', listen: 'tls://127.0.0.1:0', workers: 1 },
  { name: 'WebSocket', listen: 'ws://127.0.0.1:0', workers: 1 },
  { name: 'WebSocket over TLS', listen: 'wss://127.0.0.1:0', workers: 1 },
  { name: 'TCP with three workers', listen: 'tcp://127.0.0.1:0', workers: 3 },
];

describe.each(carriers)('the promises over $name', ({ listen, workers, homes = 0 }) => {
  const start = async () => addressOf(await testServer({ listen: [listen], workers, homes }));

  test('a message to a connected user is accepted, delivered, and its receipt comes back', async () => {
    const address = await start();
    const anna = await TestClient.login(address, ANNA);
    const bert = await TestClient.login(address, BERT);

    anna.send(BERT, 1, 'hello');

    const accepted = await anna.next(FrameType.Accepted);
    const delivered = await bert.next(FrameType.Deliver);
    bert.acknowledge(delivered.sequence);
    const receipt = await anna.next(FrameType.Receipt);
    expect(accepted.id).toBe(1);
    expect(delivered).toMatchObject({ from: ANNA, id: 1, flags: 0 });
    expect(Buffer.from(delivered.payload).toString()).toBe('hello');
    expect(receipt).toMatchObject({ by: BERT, id: 1 });
  });

  test('a message to a user who is away waits in the mailbox, and comes in order after the login', async () => {
    const address = await start();
    const anna = await TestClient.login(address, ANNA);
    for (const id of [1, 2, 3]) anna.send(BERT, id, `message ${id}`);
    for (const id of [1, 2, 3]) expect((await anna.next(FrameType.Accepted)).id).toBe(id);

    const bert = await TestClient.login(address, BERT);

    expect(bert.welcome.waiting).toBe(3);
    for (const id of [1, 2, 3]) {
      const delivered = await bert.next(FrameType.Deliver);
      expect(delivered).toMatchObject({ id, sequence: id, flags: 0 });
    }
  });

  test('an acknowledged message is deleted: the next login finds nothing waiting', async () => {
    const address = await start();
    const anna = await TestClient.login(address, ANNA);
    const bert = await TestClient.login(address, BERT);
    anna.send(BERT, 1, 'once');
    bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
    await anna.next(FrameType.Accepted);
    await anna.next(FrameType.Receipt);
    await bert.cut();

    const again = await TestClient.login(address, BERT);

    expect(again.welcome.waiting).toBe(0);
    expect(await again.settle()).toEqual([]);
  });

  test('a receipt for a sender who is away waits like a message', async () => {
    const address = await start();
    const anna = await TestClient.login(address, ANNA);
    anna.send(BERT, 1, 'read this later');
    await anna.next(FrameType.Accepted);
    // The server closes: nothing is on its way to her any more.
    anna.say({ type: FrameType.Goodbye, code: GoodbyeCode.Normal });
    await anna.closed;
    const bert = await TestClient.login(address, BERT);
    bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
    await bert.settle();

    const annaAgain = await TestClient.login(address, ANNA);

    expect(await annaAgain.next(FrameType.Receipt)).toMatchObject({ by: BERT, id: 1, flags: 0 });
  });

  test('a repeated SEND with the same id is accepted again and delivered once', async () => {
    const address = await start();
    const anna = await TestClient.login(address, ANNA);
    const bert = await TestClient.login(address, BERT);
    anna.send(BERT, 1, 'only once');
    await anna.next(FrameType.Accepted);
    bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
    await anna.next(FrameType.Receipt);

    anna.send(BERT, 1, 'only once');

    expect((await anna.next(FrameType.Accepted)).id).toBe(1);
    expect(await bert.settle()).toEqual([]);
  });

  test('a connection that dies between DELIVER and ACK gets the message again, marked as a redelivery', async () => {
    const address = await start();
    const anna = await TestClient.login(address, ANNA);
    const bert = await TestClient.login(address, BERT);
    anna.send(BERT, 1, 'did you get it?');
    await bert.next(FrameType.Deliver);
    await bert.cut();

    const again = await TestClient.login(address, BERT);

    expect(again.welcome.waiting).toBe(1);
    expect(await again.next(FrameType.Deliver)).toMatchObject({ id: 1, flags: FLAG_REDELIVERY });
  });

  test('a drain says goodbye to every client', async () => {
    const server = await testServer({ listen: [listen], workers });
    const anna = await TestClient.login(addressOf(server), ANNA);

    const closing = server.close();

    expect((await anna.next(FrameType.Goodbye)).code).toBe(1);
    await anna.closed;
    await closing;
  });
});

test('workers with a port each are one server: users on different ports reach each other', async () => {
  const server = await testServer({ workers: 3, portPerWorker: true });
  expect(new Set(server.addresses.map(({ port }) => port)).size).toBe(3);
  const [first, , third] = server.addresses;
  const anna = await TestClient.login(first!, ANNA);
  const bert = await TestClient.login(third!, BERT);

  anna.send(BERT, 1, 'across');

  expect((await bert.next(FrameType.Deliver)).id).toBe(1);
  expect((await anna.next(FrameType.Accepted)).id).toBe(1);
});

test('a message that was refused is not accepted behind those that came after it', async () => {
  const address = addressOf(await testServer({ limits: { mailboxLength: 1 } }));
  const anna = await TestClient.login(address, ANNA);
  const bert = await TestClient.login(address, BERT);
  // One answer is lost with the connection: that to the message that found a full mailbox.
  anna.send(BERT, 1, 'one');
  anna.send(BERT, 2, 'two');
  bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
  await anna.settle();
  anna.send(BERT, 3, 'three');
  bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
  await anna.settle();
  await anna.cut();

  const again = await TestClient.login(address, ANNA);
  for (const id of [1, 2, 3]) again.send(BERT, id, 'once more');

  const answers = (await again.settle()).filter(({ type }) => type !== FrameType.Receipt);
  expect(answers).toMatchObject([
    { type: FrameType.Accepted, id: 1 },
    { type: FrameType.Error, code: ReasonCode.IdSkipped, reference: 2 },
    { type: FrameType.Accepted, id: 3 },
  ]);
  expect(await bert.settle()).toEqual([]);
});

test('no more than the window is in flight, and an ACK lets the rest follow', async () => {
  const address = addressOf(await testServer({ limits: { deliveryWindow: 4 } }));
  const anna = await TestClient.login(address, ANNA);
  const bert = await TestClient.login(address, BERT);
  for (let id = 1; id <= 10; id += 1) anna.send(BERT, id, 'one of ten');
  await anna.settle();

  const first = await bert.settle();
  bert.acknowledge(4);
  const second = await bert.settle();

  expect(first.map((frame) => 'sequence' in frame && frame.sequence)).toEqual([1, 2, 3, 4]);
  expect(second.map((frame) => 'sequence' in frame && frame.sequence)).toEqual([5, 6, 7, 8]);
});
