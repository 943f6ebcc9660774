import { StoreError } from './home-store.js';
import { LmdbStore } from './lmdb-store.js';

/**
 * The entry of a process that reads a whole store and ends: LMDB ends the process that comes across a damaged page, and
 * here that is no server. Ends with 0, or otherwise, with the reason on standard error where it is ours.
 */
try {
  const store = new LmdbStore({
    folder: process.argv[2] as string,
    sync: false,
    maxBytes: Number.MAX_SAFE_INTEGER,
  });
  for (const _ of store.range(Buffer.alloc(0)));
  await store.close();
} catch (error) {
  // LMDB writes there as well, in its own words.
  if (error instanceof StoreError) process.stderr.write(`\n${error.code} ${error.message}\n`);
  process.exitCode = 1;
}
