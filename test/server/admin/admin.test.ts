import { once } from 'node:events';
import { connect } from 'node:net';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { FrameType } from '../../../protocol/frame.js';
import type { ServerStats } from '../../../protocol/stats.js';
import { startAdmin } from '../../../server/admin/admin.js';
import { ServerState } from '../../../server/admin/server-state.js';
import { parseServerConfig } from '../../../server/config.js';
import type { RunningServer } from '../../../server/server.js';
import { TestClient } from '../../support/client.js';
import { addressOf, testServer } from '../../support/server.js';

async function statsOf(server: RunningServer): Promise<ServerStats> {
  return (await (await fetch(`${server.adminUrl}/stats`)).json()) as ServerStats;
}

test('/healthz answers while the server runs', async () => {
  const server = await testServer();

  const response = await fetch(`${server.adminUrl}/healthz`);

  expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
});

test.each([1, 2])('/stats counts what happened, with %i worker(s)', async (workers) => {
  const server = await testServer({ workers });
  const anna = await TestClient.login(addressOf(server), 1);
  const bert = await TestClient.login(addressOf(server), 2);
  anna.send(2, 1, 'hello');
  bert.acknowledge((await bert.next(FrameType.Deliver)).sequence);
  await anna.next(FrameType.Accepted);
  await anna.next(FrameType.Receipt);

  // Workers report four times a second.
  await expect.poll(async () => (await statsOf(server)).counters.receipts).toBe(1);
  await expect.poll(async () => (await statsOf(server)).connections).toBe(2);
  const stats = await statsOf(server);

  expect(stats.counters).toMatchObject({ logins: 2, sends: 1, accepted: 1, delivered: 1, acknowledged: 1 });
  expect(stats.workers).toHaveLength(workers);
  for (const worker of stats.workers) expect(worker.privateBytes).toBeGreaterThan(0);
});

test('queues are sampled at least four times a second and a backlog raises an alert', async () => {
  const thresholds = { mailboxes: 10 };
  const server = await testServer({ thresholds });
  const anna = await TestClient.login(addressOf(server), 1);
  for (let id = 1; id <= 20; id += 1) anna.send(2, id, 'for somebody who is away');
  await anna.settle();

  await expect.poll(async () => (await statsOf(server)).alerts.length).toBe(1);
  const bert = await TestClient.login(addressOf(server), 2);
  for (let sequence = 1; sequence <= 20; sequence += 1) await bert.next(FrameType.Deliver);
  bert.acknowledge(20);
  for (let sequence = 1; sequence <= 20; sequence += 1) await anna.next(FrameType.Receipt);
  anna.acknowledge(20);
  await expect.poll(async () => (await statsOf(server)).alerts[0]?.clearedAtMs).toBeTypeOf('number');
  const stats = await statsOf(server);

  expect(stats.alerts[0]).toMatchObject({ queue: 'mailboxes', threshold: 10, peak: 20 });
  expect(stats.queues.mailboxes).toMatchObject({ max: 20, threshold: 10, arrived: 40, served: 40 });
  const [first] = stats.samples;
  const last = stats.samples.at(-1);
  const seconds = ((last?.atMs ?? 0) - (first?.atMs ?? 0)) / 1000;
  expect((stats.samples.length - 1) / seconds).toBeGreaterThan(3);
});

test('a connection that sends half a request is closed', async () => {
  const admin = await startAdmin({ host: '127.0.0.1', port: 0 }, {} as ServerState, async () => '', 100);
  const socket = connect(Number(new URL(admin.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));

  socket.write('GET /healthz HTTP/1.1\r\nHost: 127');
  socket.resume();

  await closed;
  await admin.close();
});

test('half requests without number do not cut off an answer that is under way', async () => {
  let reloaded: (version: string) => void = () => undefined;
  const isAsked = new Promise<void>((asked) => {
    reloaded = () => asked();
  });
  const admin = await startAdmin({ host: '127.0.0.1', port: 0 }, {} as ServerState, () => {
    reloaded('');
    return new Promise((resolve) => {
      reloaded = resolve;
    });
  });
  const answer = fetch(`${admin.url}/reload`, { method: 'POST' });
  await isAsked;
  const sockets = Array.from({ length: 400 }, () => connect(Number(new URL(admin.url).port), '127.0.0.1'));
  // Those that came first have made room.
  await Promise.all(
    sockets.slice(0, 100).map((socket) =>
      once(
        socket.on('error', () => undefined),
        'close',
      ),
    ),
  );
  reloaded('version 2');

  expect(await (await answer).json()).toEqual({ version: 'version 2' });
  for (const socket of sockets) socket.destroy();
  await admin.close();
});

test('half requests without number keep nobody from asking', async () => {
  const server = await testServer();
  const port = Number(new URL(`${server.adminUrl}`).port);
  const halves = Array.from({ length: 400 }, () => connect(port, '127.0.0.1'));
  for (const socket of halves) {
    socket.on('error', () => undefined);
    socket.resume().write('GET /healthz HTTP/1.1\r\nHost: 127');
  }
  await Promise.all(halves.map((socket) => socket.connecting && once(socket, 'connect')));

  const response = await fetch(`${server.adminUrl}/healthz`);

  expect(response.status).toBe(200);
  for (const socket of halves) socket.destroy();
});

test('requests that do not wait for their answers end their connection, however many come at once', async () => {
  const server = await testServer();
  const socket = connect(Number(new URL(`${server.adminUrl}`).port), '127.0.0.1');
  socket.on('error', () => undefined);
  let answers = '';
  socket.on('data', (bytes) => {
    answers += bytes;
  });

  socket.write('GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(500));
  await new Promise((resolve) => socket.once('close', resolve));

  expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 429']);
  expect((await fetch(`${server.adminUrl}/healthz`)).status).toBe(200);
});

test('/healthz tells what is the matter with media', async () => {
  const state = new ServerState('1', parseServerConfig({}), 'one', pino({ level: 'silent' }));
  const stats = {
    files: 0,
    bytes: 0,
    uploads: 0,
    downloads: 0,
    refused: {},
    unfinished: 0,
    unfinishedBytes: 0,
    damaged: 0,
  };
  state.media = { stats, problem: 'media cannot be started again: no room' };
  const admin = await startAdmin({ host: '127.0.0.1', port: 0 }, state, async () => '');

  const response = await fetch(`${admin.url}/healthz`);

  expect([response.status, await response.text()]).toEqual([503, 'media cannot be started again: no room\n']);
  await admin.close();
});

test('/metrics speaks the text format of Prometheus', async () => {
  const server = await testServer();
  await TestClient.login(addressOf(server), 1);
  await expect.poll(async () => (await statsOf(server)).connections).toBe(1);

  const response = await fetch(`${server.adminUrl}/metrics`);
  const text = await response.text();

  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(text).toContain('c2m_connections{worker="0"} 1');
  expect(text).toContain('c2m_logins_total 1');
  expect(text).toContain('c2m_queue_length{queue="mailboxes"} 0');
});

test('a path that is none is answered with those that are', async () => {
  const server = await testServer();

  const response = await fetch(`${server.adminUrl}/nowhere`);

  expect(response.status).toBe(404);
  expect(await response.text()).toContain('/metrics');
});
