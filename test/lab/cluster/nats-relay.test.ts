import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { NatsRelay } from '../../../lab/cluster/nats-relay.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A server that keeps what it is told, and a relay before it. */
async function relayed() {
  const peers: Socket[] = [];
  let told = '';
  const server = createServer((socket) => {
    peers.push(socket);
    socket.on('data', (bytes) => {
      told += bytes.toString();
    });
    socket.on('error', () => socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  open.push(() => new Promise((resolve) => server.close(resolve)));
  open.push(() => peers.forEach((socket) => void socket.destroy()));
  const relay = await NatsRelay.open([(server.address() as AddressInfo).port]);
  open.push(() => relay.close());
  return { relay, peers, told: () => told };
}

interface Heard {
  socket: Socket;
  text(): string;
  hasEnded(): boolean;
}

function connectTo(relay: NatsRelay): Heard {
  const socket = connect(Number(new URL(relay.urls[0] ?? '').port), '127.0.0.1');
  let [text, hasEnded] = ['', false];
  socket.on('data', (bytes) => {
    text += bytes.toString();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    hasEnded = true;
  });
  open.push(() => socket.destroy());
  return { socket, text: () => text, hasEnded: () => hasEnded };
}

test('what is said goes through, both ways', async () => {
  const { relay, peers, told } = await relayed();
  const node = connectTo(relay);
  node.socket.write('ping');
  await expect.poll(told).toBe('ping');
  peers[0]?.write('pong');
  await expect.poll(node.text).toBe('pong');
});

test('of one that is cut nothing comes through, nobody is let in, and all of it comes late', async () => {
  const { relay, peers, told } = await relayed();
  const node = connectTo(relay);
  node.socket.write('one ');
  await expect.poll(told).toBe('one ');
  relay.cut();
  node.socket.write('two');
  peers[0]?.write('late');
  const refused = connectTo(relay);
  await expect.poll(refused.hasEnded).toBe(true);
  expect([told(), node.text(), node.hasEnded()]).toEqual(['one ', '', false]);
  relay.mend();
  await expect.poll(told).toBe('one two');
  await expect.poll(node.text).toBe('late');
  connectTo(relay).socket.write(', three');
  await expect.poll(told).toBe('one two, three');
});

test('an end is heard at once, or when it is mended', async () => {
  const { relay, peers } = await relayed();
  const [first, second] = [connectTo(relay), connectTo(relay)];
  await expect.poll(() => peers.length).toBe(2);
  peers[0]?.destroy();
  await expect.poll(() => [first, second].filter(({ hasEnded }) => hasEnded()).length).toBe(1);
  relay.cut();
  peers[1]?.resetAndDestroy();
  const refused = connectTo(relay);
  await expect.poll(refused.hasEnded).toBe(true);
  expect([first, second].filter(({ hasEnded }) => hasEnded()).length).toBe(1);
  relay.mend();
  await expect.poll(() => [first, second].every(({ hasEnded }) => hasEnded())).toBe(true);
});
