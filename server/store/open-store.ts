import type { Homes } from '../bus/bus.js';
import type { ServerConfig } from '../config.js';
import type { HomeStore } from './home-store.js';
import { MemoryStore } from './memory-store.js';

/** The room that each home has. */
export function storeBytes({ store, lmdb, memoryBytes }: ServerConfig, { count }: Homes): number {
  return Math.floor((store === 'memory' ? memoryBytes : lmdb.maxBytes) / count);
}

/**
 * Opens the mailboxes that worker `self` keeps, in a folder that was made ready.
 * @throws StoreError
 */
export async function openStore(config: ServerConfig, homes: Homes, self: number): Promise<HomeStore> {
  const home = self - homes.first;
  const maxBytes = storeBytes(config, homes);
  if (config.store === 'memory' || home < 0 || home >= homes.count) return new MemoryStore(maxBytes);
  // Loaded where mailboxes are on disk: in each of many workers that keep none, it would be a third of a second and megabytes.
  const { openHome } = await import('./open-home.js');
  return openHome(config, home, maxBytes);
}
