import type { RootDatabase } from 'lmdb';
import { type Homes, homeWorker } from '../bus/bus.js';
import { homesOf } from './generation.js';
import { markClosed } from './home-folder.js';
import { type Entry, StoreError, VALUE_OFFSET } from './home-store.js';
import { openLmdb } from './lmdb-store.js';
import type { Generation } from './manifest.js';
import { KeyKind, ownerOf } from './store-keys.js';
import { fromVersion1 } from './version-1.js';

/** What is held in memory between two transactions, whichever is reached first. */
const MOVED_AT_ONCE = 10_000;
const MOVED_BYTES_AT_ONCE = 8 * 2 ** 20;

type Database = RootDatabase<Buffer, Buffer>;
type Batch = Entry[][];

/**
 * Copies every entry of one generation to the home that keeps it in another, which has empty stores, and brings it to
 * the format of today. The first is not changed: until the manifest says otherwise it is the one that counts.
 * @throws StoreError where not all of it arrived
 */
export async function shareOut(folder: string, from: Generation, to: Generation): Promise<void> {
  const whose: Homes = { first: 0, count: to.homes };
  const paths = homesOf(folder, to);
  // The disk is waited for once, at the end.
  const targets = paths.map((path) => openLmdb(path, false));
  let moved = 0;
  try {
    const clock = new NewestClock();
    for (const path of homesOf(folder, from))
      moved += await copyHome(path, from.format, targets, whose, clock);
    moved += clock.writeTo(targets);
    const arrived = targets.reduce((sum, database) => sum + entriesOf(database), 0);
    if (arrived !== moved) {
      throw new StoreError(
        `${folder}: ${arrived} of ${moved} entries arrived when the mailboxes were shared out among ${to.homes} homes; nothing was changed: see to the disk, and start again`,
      );
    }
  } finally {
    for (const database of targets) await database.close();
  }
  for (const path of paths) markClosed(path);
}

/** Each home has a clock, which stands for all of it: all homes go on from the one that is furthest. */
class NewestClock {
  #newest: Entry | undefined;

  /** @returns whether it is one */
  take(entry: Entry): boolean {
    if (entry.key[0] !== KeyKind.Clock) return false;
    const time = ({ value }: Entry) => value.readDoubleLE(VALUE_OFFSET);
    if (!this.#newest || time(entry) > time(this.#newest))
      this.#newest = { ...entry, value: Buffer.from(entry.value) };
    return true;
  }

  /** @returns the entries that it has made */
  writeTo(targets: Database[]): number {
    const newest = this.#newest;
    if (!newest) return 0;
    write(
      targets,
      targets.map(() => [newest]),
    );
    return targets.length;
  }
}

/** @returns the entries that it has moved */
async function copyHome(
  path: string,
  format: number,
  targets: Database[],
  whose: Homes,
  clock: NewestClock,
): Promise<number> {
  const source = openLmdb(path, false);
  try {
    let batch: Batch = targets.map(() => []);
    let length = 0;
    let bytes = 0;
    let clocks = 0;
    for (const { key, value } of source.getRange()) {
      const entry = { key, value: format === 1 ? fromVersion1(key, value) : value };
      if (clock.take(entry)) {
        clocks += 1;
        continue;
      }
      batch[homeWorker(ownerOf(key), whose)]?.push(entry);
      length += 1;
      bytes += key.length + entry.value.length;
      if (length < MOVED_AT_ONCE && bytes < MOVED_BYTES_AT_ONCE) continue;
      write(targets, batch);
      batch = targets.map(() => []);
      length = 0;
      bytes = 0;
    }
    write(targets, batch);
    return entriesOf(source) - clocks;
  } finally {
    await source.close();
  }
}

function write(targets: Database[], batch: Batch): void {
  targets.forEach((database, to) => {
    const entries = batch[to] ?? [];
    if (entries.length === 0) return;
    database.transactionSync(() => {
      for (const { key, value } of entries) database.putSync(key, value);
    });
  });
}

function entriesOf(database: Database): number {
  return (database.getStats() as { entryCount: number }).entryCount;
}
