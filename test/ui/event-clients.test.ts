import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { EventClients } from '../../ui/event-clients.js';

test('a page that reads nothing is cut off once too much waits for it, and the others go on', async () => {
  const clients = new EventClients();
  const server = createServer((_request, response: ServerResponse) => void clients.add(response, []));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const [deaf, other] = (await Promise.all(
    [0, 1].map(async () => (await once(get({ host: '127.0.0.1', port }), 'response'))[0]),
  )) as [IncomingMessage, IncomingMessage];
  const closed = new Promise((resolve) => deaf.on('error', () => undefined).on('close', resolve));
  let read = 0;
  other.on('data', (bytes: Buffer) => {
    read += bytes.length;
  });
  deaf.pause();
  expect(clients.count).toBe(2);

  const data = 'x'.repeat(1024 * 1024);
  let sent = 0;
  while (clients.count === 2 && sent < 64) {
    sent += 1;
    clients.send({ id: sent, name: 'change', data });
    const target = sent * data.length;
    await expect.poll(() => read, { interval: 1 }).toBeGreaterThan(target);
  }
  expect(clients.count).toBe(1);
  deaf.resume();
  await closed;
  const ended = once(other, 'end');
  await clients.end({ id: 99, name: 'over', data: '{}' }, 5000);
  await ended;
  expect(clients.count).toBe(0);
  server.close();
});
