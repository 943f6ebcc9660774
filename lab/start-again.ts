import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerConfig } from '../server/config.js';
import { SpawnError, type SpawnedServer, spawnServer } from '../server/processes/spawn.js';

const RESTART_EVERY_MS = 50;

export interface Restart {
  config: ServerConfig;
  /** Where it was: it comes back on the same ports. */
  before: Pick<SpawnedServer, 'addresses' | 'adminUrl' | 'mediaUrl'>;
  temporaryFolder: string;
  /** Whether it is worth another try, such as a port that is not free yet. */
  isPassing(error: SpawnError): boolean;
  withinMs: number;
}

/** Starts a server that has ended once more, at the addresses that it had. @throws SpawnError where it does not come back */
export async function startAgain(restart: Restart): Promise<SpawnedServer> {
  const { config, before, temporaryFolder, isPassing, withinMs } = restart;
  const admin = before.adminUrl === null ? null : { host: '127.0.0.1', port: portOf(before.adminUrl) };
  const media = config.media && { ...config.media, port: portOf(before.mediaUrl ?? '') };
  const same = { ...config, listen: before.addresses, admin, media };
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await spawnServer(same, temporaryFolder);
    } catch (error) {
      if (!(error instanceof SpawnError) || !isPassing(error) || performance.now() > deadline) throw error;
      await sleep(RESTART_EVERY_MS);
    }
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
