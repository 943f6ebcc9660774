import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Homes, homeWorker } from '../bus/bus.js';
import { damagedStore, StoreError } from './home-store.js';
import { openLmdb } from './lmdb-store.js';
import { ownerOf } from './store-keys.js';
import { OWNER_FILE, takeOwnership } from './store-owner.js';

/** Says that a folder is a store of ours, how many homes share it, and which of its folders has their files. */
const MARKER = 'c2m-store.json';

const markerSchema = z.object({
  schema: z.literal('c2m.store/1'),
  homes: z.number().int().min(1),
  generation: z.number().int().min(1),
});
type Marker = z.infer<typeof markerSchema>;

/** Entries moved in one transaction when the number of homes changes. */
const MOVED_AT_ONCE = 10_000;

/** A store that was made ready, and belongs to this process until it is released. */
export interface StoreFolder {
  release(): void;
}

/** The folder of one home. */
export function homeFolder(folder: string, home: number): string {
  return join(generationFolder(folder, readMarker(folder).generation), `home-${home}`);
}

/**
 * Takes `folder` and makes it ready for `homes`: creates it, or checks what is there, and shares the mailboxes out
 * anew where another number of homes kept them.
 * @throws StoreError where it is in use, holds something else, or is not whole
 */
export async function takeStoreFolder(folder: string, homes: number): Promise<StoreFolder> {
  mkdirSync(folder, { recursive: true });
  const release = await takeOwnership(folder);
  try {
    await prepare(folder, homes);
    return { release };
  } catch (error) {
    release();
    throw error;
  }
}

async function prepare(folder: string, homes: number): Promise<void> {
  const names = readdirSync(folder).filter((name) => name !== OWNER_FILE);
  if (!names.includes(MARKER)) {
    if (names.some((name) => !/^\d+$/.test(name))) {
      throw new StoreError(
        `${folder} holds files, and no ${MARKER}: it is not a store of c2m; name an empty folder, or one that does not exist`,
      );
    }
    // A first start that was killed in the middle: nothing was accepted yet.
    for (const name of names) rmSync(join(folder, name), { recursive: true });
    await createHomes(generationFolder(folder, 1), homes);
    writeMarker(folder, { schema: 'c2m.store/1', homes, generation: 1 });
    return;
  }
  const marker = readMarker(folder);
  for (const name of names) {
    // Left over from a sharing out that was killed, before or after the marker changed.
    if (name !== MARKER && name !== String(marker.generation))
      rmSync(join(folder, name), { recursive: true });
  }
  for (let home = 0; home < marker.homes; home += 1) {
    // Homes of a server that was killed notice that, and go, a moment later.
    (await takeOwnership(homeFolder(folder, home)))();
    await readThrough(homeFolder(folder, home));
  }
  if (marker.homes !== homes) await shareOut(folder, marker, homes);
}

/** @throws StoreError where the store cannot be read from its first item to its last */
async function readThrough(folder: string): Promise<void> {
  const trial = createRequire(import.meta.url).resolve('#dist/server/store/store-trial.js');
  await promisify(execFile)(process.execPath, [trial, folder]).catch((error: Error & { stderr?: string }) => {
    const told = /^C2M_STORE (.*)$/m.exec(error.stderr ?? '')?.[1];
    throw told === undefined
      ? damagedStore(`${folder} is damaged: LMDB cannot read it`)
      : new StoreError(told);
  });
}

async function shareOut(folder: string, marker: Marker, homes: number): Promise<void> {
  const next: Marker = { ...marker, homes, generation: marker.generation + 1 };
  const target = generationFolder(folder, next.generation);
  await createHomes(target, homes);
  const whose: Homes = { first: 0, count: homes };
  const targets = Array.from({ length: homes }, (_, home) => openLmdb(join(target, `home-${home}`)));
  for (let home = 0; home < marker.homes; home += 1) {
    const source = openLmdb(homeFolder(folder, home));
    let batch: { key: Buffer; value: Buffer }[] = [];
    const move = () => {
      targets.forEach((database, to) => {
        database.transactionSync(() => {
          for (const { key, value } of batch) {
            if (homeWorker(ownerOf(key), whose) === to) database.putSync(key, value);
          }
        });
      });
      batch = [];
    };
    for (const entry of source.getRange()) {
      batch.push(entry);
      if (batch.length === MOVED_AT_ONCE) move();
    }
    move();
    await source.close();
  }
  for (const database of targets) await database.close();
  writeMarker(folder, next);
  rmSync(generationFolder(folder, marker.generation), { recursive: true });
}

async function createHomes(folder: string, homes: number): Promise<void> {
  for (let home = 0; home < homes; home += 1) {
    const path = join(folder, `home-${home}`);
    mkdirSync(path, { recursive: true });
    await openLmdb(path).close();
  }
}

function generationFolder(folder: string, generation: number): string {
  return join(folder, String(generation));
}

function readMarker(folder: string): Marker {
  const path = join(folder, MARKER);
  try {
    return markerSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw new StoreError(
      `${path} cannot be read as the mark of a c2m store; restore it from a backup, or name another folder`,
    );
  }
}

/** By way of a file beside it: a marker is there whole, or as it was. */
function writeMarker(folder: string, marker: Marker): void {
  const path = join(folder, MARKER);
  writeFileSync(`${path}.new`, `${JSON.stringify(marker)}\n`, { flush: true });
  renameSync(`${path}.new`, path);
}
