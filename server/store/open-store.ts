import type { Homes } from '../bus/bus.js';
import type { ServerConfig } from '../config.js';
import { takeHome } from './home-folder.js';
import { LmdbStore } from './lmdb-store.js';
import { MemoryStore } from './memory-store.js';
import type { Store } from './store.js';
import { homeFolder } from './store-folder.js';

/**
 * Opens the mailboxes that worker `self` keeps, in a folder that was made ready.
 * @throws StoreError
 */
export async function openStore(config: ServerConfig, homes: Homes, self: number): Promise<Store> {
  const home = self - homes.first;
  if (config.store === 'memory' || home < 0 || home >= homes.count) return new MemoryStore();
  const { path: folder, release } = await takeHome(homeFolder(config.lmdb.folder, home));
  const maxBytes = Math.floor(config.lmdb.maxBytes / homes.count);
  return new LmdbStore({ folder, sync: config.lmdb.sync, maxBytes, release });
}
