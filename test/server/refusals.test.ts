import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType, PROTOCOL_VERSION, ReasonCode } from '../../protocol/frame.js';
import { ConfigError } from '../../server/config-error.js';
import { startServer } from '../../server/server.js';
import { TestClient } from '../support/client.js';
import { addressOf, testServer } from '../support/server.js';

const ANNA = 1;
const BERT = 2;
const TOKEN = 'a-token-of-sixteen-or-more';

/** What the server says before it closes the connection. */
async function refusalOf(client: TestClient): Promise<number> {
  const { code } = await client.next(FrameType.Error);
  await client.closed;
  return code;
}

test('bytes that are no frame close that connection, and no other', async () => {
  const address = addressOf(await testServer());
  const bystander = await TestClient.login(address, BERT);
  const client = await TestClient.connect(address);

  client.sayBytes(Buffer.from('GET / HTTP/1.1\r\n\r\n'));

  expect(await refusalOf(client)).toBe(ReasonCode.FrameTooLarge);
  expect(await bystander.settle()).toEqual([]);
});

test('another protocol version is refused with the version that is spoken', async () => {
  const client = await TestClient.connect(addressOf(await testServer()));

  client.say({ type: FrameType.Hello, version: PROTOCOL_VERSION + 1 });

  const refusal = await client.next(FrameType.Error);
  expect(refusal.code).toBe(ReasonCode.UnsupportedVersion);
  expect(refusal.reason).toContain(String(PROTOCOL_VERSION));
});

test('a frame above the limit is refused before its body has come', async () => {
  const address = addressOf(await testServer({ limits: { maxFrameBytes: 1000 } }));
  const client = await TestClient.login(address, ANNA);

  client.sayBytes(Buffer.from([0x00, 0x10, 0x00, FrameType.Send]));

  expect(await refusalOf(client)).toBe(ReasonCode.FrameTooLarge);
});

test('a SEND before the login is refused', async () => {
  const client = await TestClient.connect(addressOf(await testServer()));

  client.send(BERT, 1, 'too early');

  expect(await refusalOf(client)).toBe(ReasonCode.NotLoggedIn);
});

test('an ACK of what was never sent is refused', async () => {
  const client = await TestClient.login(addressOf(await testServer()), ANNA);
  client.send(ANNA, 1, 'to have something');
  await client.next(FrameType.Accepted);
  await client.next(FrameType.Deliver);

  client.acknowledge(2);

  expect(await refusalOf(client)).toBe(ReasonCode.ProtocolError);
});

test('a frame that only servers send is refused', async () => {
  const client = await TestClient.login(addressOf(await testServer()), ANNA);

  client.say({ type: FrameType.Accepted, id: 1 });

  expect(await refusalOf(client)).toBe(ReasonCode.ProtocolError);
});

test('a text message on a WebSocket is refused', async () => {
  const client = await TestClient.login(addressOf(await testServer({ listen: ['ws://127.0.0.1:0'] })), ANNA);

  client.sayText('hello');

  expect(await refusalOf(client)).toBe(ReasonCode.ProtocolError);
});

test('a wrong token is refused, the right one is welcome', async () => {
  const address = addressOf(await testServer({ token: TOKEN }));
  const stranger = await TestClient.connect(address);

  stranger.say(
    { type: FrameType.Hello, version: PROTOCOL_VERSION },
    { type: FrameType.Login, user: ANNA, token: 'a guess' },
  );

  expect(await refusalOf(stranger)).toBe(ReasonCode.AuthenticationFailed);
  expect((await TestClient.login(address, ANNA, TOKEN)).welcome.waiting).toBe(0);
});

test('listening beyond loopback without a token is refused at the start', async () => {
  await expect(startServer({ listen: ['tcp://0.0.0.0:0'] })).rejects.toThrow(ConfigError);
});

test('the admin port is refused beyond loopback', async () => {
  await expect(startServer({ admin: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(/not loopback/);
});

test('a client that does not log in is closed after the login time', async () => {
  const address = addressOf(await testServer({ limits: { loginTimeoutMs: 100 } }));
  const client = await TestClient.connect(address);

  client.say({ type: FrameType.Hello, version: PROTOCOL_VERSION });

  expect(await refusalOf(client)).toBe(ReasonCode.LoginTimeout);
});

test('a WebSocket handshake that never ends is closed after the login time', async () => {
  const { host, port } = addressOf(
    await testServer({ listen: ['ws://127.0.0.1:0'], limits: { loginTimeoutMs: 100 } }),
  );
  const socket = connect({ host, port });

  socket.write('GET / HTTP/1.1\r\nHost: slow\r\n');

  await new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
});

test('a client that is silent is closed after the idle time, one that pings is not', async () => {
  const address = addressOf(await testServer({ limits: { idleTimeoutMs: 400 } }));
  const silent = await TestClient.login(address, ANNA);
  const pinging = await TestClient.login(address, BERT);
  const heartbeat = setInterval(() => pinging.say({ type: FrameType.Ping, nonce: 1 }), 50);

  expect(await refusalOf(silent)).toBe(ReasonCode.IdleTimeout);
  clearInterval(heartbeat);
  expect(await pinging.settle()).toEqual([]);
});

test('a second login of a user replaces the first connection', async () => {
  const address = addressOf(await testServer());
  const first = await TestClient.login(address, ANNA);

  const second = await TestClient.login(address, ANNA);

  expect(await refusalOf(first)).toBe(ReasonCode.Replaced);
  expect(await second.settle()).toEqual([]);
});

test('a full mailbox refuses the message by its id, and takes it once there is room', async () => {
  const address = addressOf(await testServer({ limits: { mailboxLength: 2 } }));
  const anna = await TestClient.login(address, ANNA);
  for (const id of [1, 2, 3]) anna.send(BERT, id, 'is there room?');
  await anna.next(FrameType.Accepted);
  await anna.next(FrameType.Accepted);

  const refusal = await anna.next(FrameType.Error);
  const bert = await TestClient.login(address, BERT);
  await bert.next(FrameType.Deliver);
  bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
  await bert.settle();
  anna.send(BERT, 3, 'is there room?');

  expect(refusal).toMatchObject({ code: ReasonCode.MailboxFull, reference: 3 });
  expect((await bert.next(FrameType.Deliver)).id).toBe(3);
});

test('an id older than the newest 64 is refused, because nobody remembers whether it was accepted', async () => {
  const anna = await TestClient.login(addressOf(await testServer()), ANNA);
  for (let id = 1000; id <= 1064; id += 1) anna.send(BERT, id, 'new');
  for (let id = 1000; id <= 1064; id += 1) await anna.next(FrameType.Accepted);

  anna.send(BERT, 1000, 'old');

  expect(await anna.next(FrameType.Error)).toMatchObject({
    code: ReasonCode.DuplicateUnknown,
    reference: 1000,
  });
});

test('a reader that does not read is closed when its buffer is full; the message stays in the mailbox', async () => {
  const address = addressOf(
    await testServer({ limits: { outboundBufferBytes: 65_536, deliveryWindow: 65_535 } }),
  );
  const anna = await TestClient.login(address, ANNA);
  const bert = await TestClient.login(address, BERT);
  bert.pauseReading();

  const payload = Buffer.alloc(60_000);
  for (let id = 1; id <= 300; id += 1) {
    anna.say({ type: FrameType.Send, to: BERT, id, payload });
    if (id % 10 === 0) await anna.settle();
  }
  await anna.settle();

  const again = await TestClient.login(address, BERT);
  expect(again.welcome.waiting).toBe(300);
});

test('logins above the admitted rate are refused as overload', async () => {
  const address = addressOf(await testServer({ limits: { loginsPerSecond: 1 } }));
  const attempts = await Promise.all([1, 2, 3, 4, 5].map(() => TestClient.connect(address)));

  attempts.forEach((client, index) => {
    client.say(
      { type: FrameType.Hello, version: PROTOCOL_VERSION },
      { type: FrameType.Login, user: index + 1, token: '' },
    );
  });

  const codes = await Promise.all(attempts.slice(2).map(refusalOf));
  expect(codes).toContain(ReasonCode.Overloaded);
});

test('frames that come one byte at a time are understood', async () => {
  const client = await TestClient.connect(addressOf(await testServer()));
  const bytes = Buffer.concat([
    encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION }),
    encodeFrame({ type: FrameType.Login, user: ANNA, token: '' }),
  ]);

  for (const byte of bytes) client.sayBytes(Buffer.from([byte]));

  expect((await client.next(FrameType.Welcome)).waiting).toBe(0);
});
