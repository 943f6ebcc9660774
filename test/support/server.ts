import { expect } from 'vitest';
import type { ServerStats } from '../../protocol/stats.js';
import type { ServerConfigInput } from '../../server/config.js';
import { type RunningServer, startServer } from '../../server/server.js';
import { afterEachTest } from './clean-up.js';

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

afterEachTest('servers', async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

/** The first address of a server. */
export function addressOf(server: RunningServer): RunningServer['addresses'][number] {
  const [address] = server.addresses;
  if (!address) throw new Error('the server listens nowhere');
  return address;
}

/** What the admin port says. */
export async function statsOf(server: { adminUrl: string | null }): Promise<ServerStats> {
  return (await (await fetch(`${server.adminUrl}/stats`)).json()) as ServerStats;
}

/** Kills a process of the server as a crash would, and waits until it was started again. */
export async function crash(server: RunningServer, number: number): Promise<ServerStats> {
  const pidOf = async () => (await statsOf(server)).workers.find(({ worker }) => worker === number)?.pid;
  await expect.poll(pidOf).toBeDefined();
  const { length } = (await statsOf(server)).restarts;
  process.kill((await pidOf()) as number, 'SIGKILL');
  await expect.poll(async () => (await statsOf(server)).restarts.length).toBe(length + 1);
  return statsOf(server);
}
