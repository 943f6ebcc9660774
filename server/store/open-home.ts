import type { ServerConfig } from '../config.js';
import { takeHome } from './home-folder.js';
import type { HomeStore } from './home-store.js';
import { LmdbStore } from './lmdb-store.js';
import { homeFolder } from './store-folder.js';

/** Opens the mailboxes of one home on disk. @throws StoreError */
export async function openHome({ lmdb }: ServerConfig, home: number, maxBytes: number): Promise<HomeStore> {
  const { path: folder, release } = await takeHome(homeFolder(lmdb.folder, home));
  const store = new LmdbStore({ folder, sync: lmdb.sync, maxBytes, release });
  await store.open();
  return store;
}
