import type { Homes } from '../bus/bus.js';
import type { ServerConfig } from '../config.js';
import { takeHome } from './home-folder.js';
import type { HomeStore } from './home-store.js';
import { LmdbStore } from './lmdb-store.js';
import { MemoryStore } from './memory-store.js';
import { homeFolder } from './store-folder.js';

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
  const { path: folder, release } = await takeHome(homeFolder(config.lmdb.folder, home));
  const store = new LmdbStore({ folder, sync: config.lmdb.sync, maxBytes, release });
  await store.open();
  return store;
}
