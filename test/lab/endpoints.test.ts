import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../lab/cluster/free-ports.js';
import { resolveEndpoint } from '../../lab/endpoints.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listenAt(host: string): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  await once(server.listen(0, host), 'listening');
  return (server.address() as AddressInfo).port;
}

test('an address is dialled as it is, and has no name', async () => {
  expect(await resolveEndpoint('TCP://[::1]:4000')).toEqual({ protocol: 'tcp', host: '::1', port: 4000 });
});

test('a name is looked up, and kept; so is the path', async () => {
  expect(await resolveEndpoint('wss://localhost:4000/chat?room=7')).toMatchObject({
    protocol: 'wss',
    name: 'localhost',
    port: 4000,
    path: '/chat?room=7',
  });
});

describe('a name that is several addresses', () => {
  const both =
    (...addresses: string[]) =>
    (): Promise<string[]> =>
      Promise.resolve(addresses);

  test.each(['127.0.0.1', '127.0.0.2'])('is that at which somebody listens: %s', async (host) => {
    const port = await listenAt(host);
    const found = await resolveEndpoint(`tcp://chat:${port}`, both('127.0.0.3', '127.0.0.1', '127.0.0.2'));
    expect(found).toEqual({ protocol: 'tcp', host, name: 'chat', port });
  });

  test('is that of IPv4 as long as nobody does: a server for all addresses will be there', async () => {
    const found = await resolveEndpoint(`tcp://localhost:${await freePort()}`, both('::1', '127.0.0.1'));
    expect(found.host).toBe('127.0.0.1');
  });
});

test('a name that nobody knows is told', async () => {
  const unknown = () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' }));
  await expect(resolveEndpoint('tcp://chat.invalid:4000', unknown)).rejects.toThrow(
    'tcp://chat.invalid:4000: chat.invalid cannot be resolved: ENOTFOUND',
  );
});
