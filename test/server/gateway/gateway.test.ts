import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { launchBrowser } from '../../../bench/chromium.js';
import { encodeFrame } from '../../../protocol/encode.js';
import { FrameType, PROTOCOL_VERSION, ReasonCode } from '../../../protocol/frame.js';
import type { RunningServer } from '../../../server/server.js';
import { type Address, TestClient } from '../../support/client.js';
import { addressOf, testServer } from '../../support/server.js';

const ANNA = 1;
const BERT = 2;

function addressFor(server: RunningServer, protocol: Address['protocol']): Address {
  return server.addresses.find((address) => address.protocol === protocol) as Address;
}

/** What an upgrade is answered with. */
function upgrade({ host, port }: Address, headers: Record<string, string> = {}, path = '/'): Promise<number> {
  return new Promise((resolve, reject) => {
    const handshake = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    };
    const asked = request({ host, port, path, headers: { ...handshake, ...headers } });
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
    asked.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}

function dial({ host, port }: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

describe('a server with as many connections as it takes', () => {
  test('says Overloaded on every listener, counts handshakes that never end, and has room again when one has left', async () => {
    const server = await testServer({
      listen: ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0', 'ws://127.0.0.1:0', 'wss://127.0.0.1:0'],
      limits: { connectionsPerWorker: 3 },
    });
    const tcp = addressFor(server, 'tcp');
    const anna = await TestClient.login(tcp, ANNA);
    // Neither ever says a word.
    const handshakes = await Promise.all([dial(addressFor(server, 'tls')), dial(addressFor(server, 'ws'))]);
    const overloaded = { code: ReasonCode.Overloaded };

    await expect
      .poll(async () => (await (await TestClient.connect(tcp)).nextFrame().catch(() => undefined)) ?? {})
      .toMatchObject(overloaded);
    const tls = await TestClient.connect(addressFor(server, 'tls'));
    expect(await tls.next(FrameType.Error)).toMatchObject(overloaded);
    await tls.closed;
    expect(await upgrade(addressFor(server, 'ws'))).toBe(503);
    await expect(TestClient.connect(addressFor(server, 'wss'))).rejects.toThrow(/503/);
    expect(await anna.settle()).toEqual([]);

    for (const socket of handshakes) socket.destroy();
    for (const protocol of ['tls', 'wss', 'ws'] as const) {
      const address = addressFor(server, protocol);
      await expect
        .poll(async () => (await TestClient.login(address, BERT).catch(() => undefined))?.welcome.waiting)
        .toBe(0);
    }
  });
});

describe('workers that share a port', () => {
  test('say Overloaded when all of them are full, and not before, and take on again whoever comes when one has left', async () => {
    const server = await testServer({ workers: 2, limits: { connectionsPerWorker: 3 } });
    const address = addressOf(server);
    const clients: TestClient[] = [];
    for (let user = 1; user <= 6; user += 1) clients.push(await TestClient.login(address, user));
    const answer = async () =>
      (await TestClient.connect(address)
        .then((client) => client.nextFrame())
        .catch(() => undefined)) ?? {};

    for (let round = 0; round < 3; round += 1) {
      await expect.poll(answer).toMatchObject({ code: ReasonCode.Overloaded });
      expect(await answer()).toMatchObject({ code: ReasonCode.Overloaded });

      await clients.shift()?.cut();
      const login = () => TestClient.login(address, 10 + round).catch(() => undefined);
      let back: TestClient | undefined;
      await expect
        .poll(async () => {
          back ??= await login();
          return back !== undefined;
        })
        .toBe(true);
      clients.push(back as unknown as TestClient);
    }
  });

  test('come back to it where each had left it to the other before it could hear that both are full', async () => {
    const server = await testServer({ workers: 2, limits: { connectionsPerWorker: 3 } });
    const address = addressOf(server);
    const sockets = Array.from({ length: 6 }, () => connect({ host: address.host, port: address.port }));
    for (const socket of sockets) socket.on('error', () => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    // This process is the one that would tell them.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);

    const answer = () => TestClient.connect(address).then((client) => client.nextFrame());
    await expect.poll(() => answer().catch(() => ({}))).toMatchObject({ code: ReasonCode.Overloaded });

    for (const socket of sockets) socket.destroy();
    await expect
      .poll(() =>
        TestClient.login(address, 1).then(
          () => 'in',
          () => 'out',
        ),
      )
      .toBe('in');
  });
});

describe('a WebSocket', () => {
  const page = 'https://chat.example';

  test('is opened for no web page that is not configured, for /, and for our subprotocol', async () => {
    const address = addressOf(await testServer({ listen: ['ws://127.0.0.1:0'], origins: [page] }));
    expect(await upgrade(address)).toBe(101);
    expect(await upgrade(address, { origin: page })).toBe(101);
    for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${address.port}`, `${page}.evil`])
      expect(await upgrade(address, { origin })).toBe(403);
    expect(await upgrade(address, {}, '/chat')).toBe(404);
    expect(await upgrade(address, { 'sec-websocket-protocol': 'mqtt, c2m.v1' })).toBe(101);
    expect(await upgrade(address, { 'sec-websocket-protocol': 'mqtt' })).toBe(400);
  });

  test('ends with 1000 behind an ERROR, 1002 where it is not masked, and 1009 above a megabyte', async () => {
    const address = addressOf(await testServer({ listen: ['ws://127.0.0.1:0'] }));
    const closeCode = (webSocket: WebSocket) =>
      new Promise((resolve) => webSocket.once('close', (code) => resolve(code)));
    const open = async (): Promise<WebSocket> => {
      const webSocket = new WebSocket(`ws://${address.host}:${address.port}`);
      await new Promise((resolve) => webSocket.once('open', resolve));
      return webSocket;
    };
    const login = async (): Promise<WebSocket> => {
      const webSocket = await open();
      webSocket.send(encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION }));
      webSocket.send(encodeFrame({ type: FrameType.Login, user: ANNA, token: '' }));
      await new Promise((resolve) => webSocket.once('message', resolve));
      return webSocket;
    };

    const wrong = await open();
    wrong.send(encodeFrame({ type: FrameType.Ping, nonce: 1 }));
    expect(await closeCode(wrong)).toBe(1000);

    const large = await login();
    large.send(Buffer.alloc(1_048_577));
    expect(await closeCode(large)).toBe(1009);

    const unmasked = await login();
    (unmasked as unknown as { _socket: Socket })._socket.write(Buffer.from([0x82, 0x01, 0x00]));
    expect(await closeCode(unmasked)).toBe(1002);
  });

  test('keeps no more of all messages without an end than the server may, and tells who has to go', async () => {
    const limits = { inboundBytes: 4 * 1_048_576 };
    const address = addressOf(await testServer({ listen: ['ws://127.0.0.1:0'], limits }));
    const bystander = await TestClient.login(address, BERT);
    // The head of a message of a million bytes, masked with zeros, and most of it. */
    const most = Buffer.concat([
      Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40, 0, 0, 0, 0]),
      Buffer.alloc(900_000),
    ]);
    const flooders: TestClient[] = [];
    for (let user = 100; user < 106; user += 1) {
      const flooder = await TestClient.login(address, user);
      flooder.sayRaw(most);
      flooders.push(flooder);
    }

    for (const flooder of flooders.slice(0, 2))
      expect(await flooder.next(FrameType.Error)).toMatchObject({ code: ReasonCode.Overloaded });
    bystander.send(BERT, 1, 'to myself');
    expect(await bystander.settle()).toContainEqual({ type: FrameType.Accepted, id: 1 });
    for (const flooder of flooders) await flooder.cut();
  });

  test('keeps no more of a stranger than a login has, be it one message or a thousand small ones', async () => {
    const address = addressOf(await testServer({ listen: ['ws://127.0.0.1:0'] }));
    const stranger = await TestClient.connect(address);
    // The head of a message of a million bytes, and a part of it.
    stranger.sayBytes(Buffer.alloc(1_000_000));
    expect(await stranger.next(FrameType.Error)).toMatchObject({ code: ReasonCode.FrameTooLarge });
    await stranger.closed;

    const dribbling = await TestClient.connect(address);
    const login = encodeFrame({ type: FrameType.Login, user: ANNA, token: 'x'.repeat(60_000) });
    dribbling.say({ type: FrameType.Hello, version: PROTOCOL_VERSION });
    for (const byte of login.subarray(0, 3000)) dribbling.sayBytes(Buffer.from([byte]));
    expect(await dribbling.next(FrameType.Error)).toMatchObject({ code: ReasonCode.FrameTooLarge });
  });
});

test('a page in a real browser gets into the server where its origin is configured, and nowhere else', async () => {
  const pages = createServer((_request, response) => response.end('<title>a page</title>'));
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  const listen = ['ws://127.0.0.1:0'];
  const [closed, open] = [await testServer({ listen }), await testServer({ listen, origins: [origin] })];
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(origin);
    // As text: what is imported under this name here is no browser's.
    const opens = ({ host, port }: Address) =>
      page.evaluate(`new Promise((resolve) => {
        const webSocket = new WebSocket('ws://${host}:${port}/', 'c2m.v1');
        webSocket.onopen = () => resolve('open');
        webSocket.onerror = () => resolve('refused');
      })`);
    expect(await opens(addressOf(closed))).toBe('refused');
    expect(await opens(addressOf(open))).toBe('open');
  } finally {
    await browser.close();
    pages.close();
  }
}, 60_000);
