import type { ServerConfigInput } from '../../server/config.js';
import { type SpawnedServer, spawnServer } from '../../server/processes/spawn.js';

/**
 * Starts the server from a process whose limits on memory and open files it takes over: a limit can only be given to
 * what is started, and the benchmark itself must not have it.
 */

export type ToLauncher = { config: ServerConfigInput } | 'stop';
export type FromLauncher =
  | { kind: 'listening'; server: Pick<SpawnedServer, 'addresses' | 'adminUrl' | 'mediaUrl' | 'pid'> }
  | { kind: 'ended'; reason: string }
  | { kind: 'failed'; reason: string };

const tell = (message: FromLauncher) => process.send?.(message);
let server: SpawnedServer | undefined;

process.on('message', async (message: ToLauncher) => {
  if (message === 'stop') {
    await server?.close();
    process.exit(0);
  }
  try {
    server = await spawnServer(message.config);
    const { addresses, adminUrl, mediaUrl, pid } = server;
    tell({ kind: 'listening', server: { addresses, adminUrl, mediaUrl, pid } });
    server.exited.then((reason) => reason !== undefined && tell({ kind: 'ended', reason }));
  } catch (error) {
    tell({ kind: 'failed', reason: (error as Error).message });
  }
});
process.on('disconnect', () => process.exit(0));
