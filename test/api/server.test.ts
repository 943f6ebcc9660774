import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { isC2mError, startServer } from '../../api/index.js';

test('the reference server listens where it says, until it is closed', async () => {
  const server = await startServer({
    listen: ['tcp://127.0.0.1:0', 'ws://127.0.0.1:0'],
    store: 'memory',
    admin: { port: 0 },
    logLevel: 'silent',
  });
  try {
    const [tcp = '', ws] = server.addresses;
    expect(tcp).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    expect(ws).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    expect(server.mediaUrl).toBeNull();
    expect((await fetch(`${server.adminUrl}/healthz`)).status).toBe(200);
    const port = Number(new URL(tcp).port);
    expect(await canConnect(port)).toBe(true);
    await server.close();
    expect(await canConnect(port)).toBe(false);
  } finally {
    await server.close();
  }
});

test('what is wrong with its settings is told with a code', async () => {
  const error = await startServer({ workers: 0, logLevel: 'silent' }).catch((reason: unknown) => reason);
  expect(isC2mError(error) && error.code).toBe('C2M_SERVER_CONFIG');
  expect((error as Error).message).toContain('workers');
});

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
