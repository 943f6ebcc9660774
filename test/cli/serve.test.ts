import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TestClient } from '../support/client.js';
import { statsOf } from '../support/server.js';
import { startC2m } from './c2m.js';

test('c2m serve says what listens where, takes connections, and drains on SIGTERM', async () => {
  const server = startC2m(
    'serve',
    '--store',
    'memory',
    '--listen',
    'tcp://127.0.0.1:0',
    '--admin',
    'http://127.0.0.1:0',
  );
  const [, port] = await server.said(/listening {2}tcp:\/\/127\.0\.0\.1:(\d+)/);
  const [, admin] = await server.said(/admin +(http:\/\/127\.0\.0\.1:\d+)/);
  expect((await fetch(`${admin}/healthz`)).status).toBe(200);
  const socket = connect(Number(port), '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  server.kill('SIGTERM');
  expect((await server.ended).status).toBe(0);
  await closed;
});

test('c2m serve reads a configuration file, and its flags win', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-serve-'));
  const [config, token] = [join(folder, 'server.yaml'), join(folder, 'token.txt')];
  await writeFile(
    config,
    'listen: [tcp://127.0.0.1:0, ws://127.0.0.1:0]\nadmin: null\nlogLevel: silent\nworkers: 9\n',
  );
  await writeFile(token, 'sixteen letters or more\n');
  const server = startC2m(
    'serve',
    '--config',
    config,
    '--workers',
    '2',
    '--store',
    'memory',
    '--token-file',
    token,
  );
  await server.said(/listening {2}tcp:.*\nlistening {2}ws:.*\n/);
  server.kill('SIGINT');
  const { status, stdout } = await server.ended;
  expect(status).toBe(0);
  expect(stdout).not.toContain('admin');
});

test('c2m serve starts its one worker again when that is killed, on the same address', async () => {
  const server = startC2m(
    'serve',
    '--store',
    'memory',
    '--listen',
    'tcp://127.0.0.1:0',
    '--admin',
    'http://127.0.0.1:0',
  );
  const [, port] = await server.said(/listening {2}tcp:\/\/127\.0\.0\.1:(\d+)/);
  const [, adminUrl = ''] = await server.said(/admin +(http:\/\/127\.0\.0\.1:\d+)/);
  const [worker] = (await statsOf({ adminUrl })).workers;
  expect(worker?.pid).not.toBe(server.pid);

  process.kill(worker?.pid as number, 'SIGKILL');

  await expect.poll(async () => (await statsOf({ adminUrl })).restarts.length).toBe(1);
  await TestClient.login({ protocol: 'tcp', host: '127.0.0.1', port: Number(port) }, 1);
  server.kill('SIGTERM');
  expect((await server.ended).status).toBe(0);
});
