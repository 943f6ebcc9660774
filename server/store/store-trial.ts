import { ABORT } from 'lmdb';
import { checkEntry } from './check-entry.js';
import { openLmdb } from './lmdb-store.js';
import { fromVersion1 } from './version-1.js';

/**
 * The entry of a process that reads the store of a home from its first entry to its last, and ends: LMDB ends the
 * process that comes across a damaged page, and here that is no server. Ends with 0 where all is whole, or otherwise,
 * with what is wrong on standard error where it is known. Changes nothing.
 */
const [folder = '', format = ''] = process.argv.slice(2);

/** What one transaction asks for that is given up again: pages from LMDB's list of free ones, which must be whole too. */
const WANTED_BYTES = 2 ** 20;

/** No kind of key. */
const TRIAL_KEY = Buffer.of(0xff);

process.umask(0o077);
try {
  const damage = await readAll();
  if (damage !== undefined) fail('C2M_DAMAGED', damage);
} catch (error) {
  const { message } = error as Error;
  // LMDB has codes of its own for what is wrong with a file; others are the system's, and say nothing about it.
  fail(message.includes('MDB_') ? 'C2M_DAMAGED' : 'C2M_UNREADABLE', message);
}

async function readAll(): Promise<string | undefined> {
  const database = openLmdb(folder, false);
  const { entryCount } = database.getStats() as { entryCount: number };
  let found = 0;
  let last: Buffer | undefined;
  for (const key of database.getKeys()) {
    // Looked up from the root, as a server does, so that whatever leads to it is looked at as well.
    const value = database.get(key);
    if (!value) return `an entry is not found under its key (${found} of ${entryCount})`;
    if (last && last.compare(key) >= 0) return `its keys are out of order (${found} of ${entryCount})`;
    const problem = checkEntry(key, format === '1' ? fromVersion1(key, value) : value);
    if (problem) return `${problem} (${found} of ${entryCount})`;
    last = key;
    found += 1;
  }
  // A page that was lost is an empty page to whoever reads it.
  if (found !== entryCount) return `${found} of ${entryCount} entries can be read`;
  database.transactionSync(() => {
    database.putSync(TRIAL_KEY, Buffer.alloc(WANTED_BYTES));
    return ABORT;
  });
  await database.close();
  return undefined;
}

function fail(code: string, reason: string): never {
  // LMDB writes there as well, in its own words.
  process.stderr.write(`\n${code} ${reason.replaceAll('\n', ' ')}\n`);
  process.exit(1);
}
