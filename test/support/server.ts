import { afterEach } from 'vitest';
import type { ServerConfigInput } from '../../server/config.js';
import { type RunningServer, startServer } from '../../server/server.js';

const running: RunningServer[] = [];

/** Starts a quiet server on a free port; it is closed after the test. */
export async function testServer(config: ServerConfigInput = {}): Promise<RunningServer> {
  const server = await startServer({
    listen: ['tcp://127.0.0.1:0'],
    admin: { port: 0 },
    store: 'memory',
    logLevel: 'silent',
    ...config,
  });
  running.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

/** The first address of a server. */
export function addressOf(server: RunningServer): RunningServer['addresses'][number] {
  const [address] = server.addresses;
  if (!address) throw new Error('the server listens nowhere');
  return address;
}
