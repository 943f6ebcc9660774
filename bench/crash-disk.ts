import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../loadgen/random.js';
import type { Population } from './crash-population.js';
import { isAlive } from './crash-processes.js';
import { CrashServer, CrashServerError, SHAPES, type Shape } from './crash-server.js';

const DISK_BYTES = 48 * 2 ** 20;
/** Larger than the disk: it is the disk that is full, not the setting. */
const MAX_BYTES = 2 ** 30;
const CHUNK_BYTES = 65_536;
/** Before the disk becomes full: so much waits in mailboxes that fetching it makes room inside the file. */
const ACCEPTED_BEFORE = 4000;
const LONGEST_FILLING_UP_MS = 60_000;
/** Left free by the first ballast, at most. */
const MOST_FREE_BYTES = 6 * 2 ** 20;
const LONGEST_FILLING_MS = 60_000;
const FULL_MS = 3000;
/** New messages that must be accepted once there is room. */
const ACCEPTED_AGAIN = 500;
const LONGEST_RECOVERY_MS = 60_000;

/** A small disk of its own: a tmpfs. Linux and root. */
export interface SmallDisk {
  folder: string;
  /** Makes it twice as large. */
  grow(): void;
  remove(): void;
}

export function mountSmallDisk(): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=700`, 'tmpfs', folder], {
      stdio: 'pipe',
    });
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  let isMounted = true;
  return {
    folder,
    grow: () => {
      execFileSync('mount', ['-o', `remount,size=${2 * DISK_BYTES}`, folder]);
    },
    remove: () => {
      if (!isMounted) return;
      isMounted = false;
      // Lazily: a process that was just killed may still be in it.
      execFileSync('umount', ['-l', folder]);
      rmdirSync(folder);
    },
  };
}

export interface DiskRound {
  what: string;
  refusedWhileFull: number;
  server: CrashServer;
}

/**
 * One round on a full disk: traffic to users who are away until the disk is full, traffic goes on, room comes back in one
 * of two ways, and new messages must be accepted without a restart.
 * @throws CrashServerError where the server ends or does not recover
 */
export async function playDiskRound(
  round: number,
  disk: SmallDisk,
  population: Population,
  random: Random,
  temporaryFolder: string,
): Promise<DiskRound> {
  const shape = SHAPES[round % SHAPES.length] as Shape;
  const store = { folder: join(disk.folder, 'store'), maxBytes: MAX_BYTES, temporaryFolder };
  const server = await CrashServer.start(shape, store);
  let ended: string | undefined;
  server.exited.then((reason) => {
    ended = reason;
  });
  const before = server.processes;
  const survives = (when: string) => {
    const gone = before.filter((each) => !isAlive(each)).length;
    if (ended === undefined && gone === 0) return;
    throw new CrashServerError(
      `${when}, ${ended ?? `${gone} of ${before.length} processes of the server ended`}`,
    );
  };
  population.moveTo(server.port);
  population.startTraffic();
  population.sendAway(0.5);
  await population.hasAccepted(ACCEPTED_BEFORE, LONGEST_FILLING_UP_MS);
  const freeBytes = random.below(MOST_FREE_BYTES);
  const ballast = join(disk.folder, 'ballast');
  writeBallast(ballast, freeBytes, disk.folder);
  const refusedBefore = refusals(population);
  const deadlineMs = performance.now() + LONGEST_FILLING_MS;
  while (refusals(population) === refusedBefore && performance.now() < deadlineMs) {
    await sleep(50);
    survives('the disk became full');
  }
  if (refusals(population) === refusedBefore)
    throw new CrashServerError('the disk is full, and nothing is refused');
  // The very last block as well.
  writeBallast(ballast, 0, disk.folder);
  await sleep(FULL_MS);
  survives('the disk was full');
  const refusedWhileFull = refusals(population) - refusedBefore;
  const isRoomMade = random.next() < 0.5;
  if (isRoomMade) rmSync(ballast);
  else await fetchAll(population);
  survives('the disk was full and mail was fetched');
  population.startTraffic();
  const isAccepting = await population.hasAccepted(ACCEPTED_AGAIN, LONGEST_RECOVERY_MS);
  survives('there was room again');
  if (!isAccepting) {
    const how = isRoomMade ? 'there is room again' : 'all mail was fetched';
    throw new CrashServerError(`${how}, and new messages are refused`);
  }
  rmSync(ballast, { force: true });
  // The traffic has taken the room of the ballast, perhaps: a start needs some.
  disk.grow();
  population.moveTo(undefined);
  await server.kill();
  const next = await CrashServer.start(shape, store);
  population.moveTo(next.port);
  const how = isRoomMade ? 'room made' : 'mail fetched';
  const mebibytes = (freeBytes / 2 ** 20).toFixed(1);
  return {
    what: `disk of ${shape.name} full ${mebibytes} MiB later, ${how}, kill -9 of all`,
    refusedWhileFull,
    server: next,
  };
}

/** @throws CrashServerError where that takes long: each deletion has to make room for the next */
async function fetchAll(population: Population): Promise<void> {
  const { waitedMs } = await population.drain(true);
  if (waitedMs > LONGEST_RECOVERY_MS)
    throw new CrashServerError(`on a full disk mail was fetched for ${Math.round(waitedMs / 1000)} s`);
}

function refusals({ ledger }: Population): number {
  return (ledger.refused.get('StoreFull') ?? 0) + (ledger.refused.get('StoreFailed') ?? 0);
}

/** Fills the disk up to `freeBytes`. */
function writeBallast(path: string, freeBytes: number, folder: string): void {
  const file = openSync(path, 'a');
  const chunk = Buffer.alloc(CHUNK_BYTES, 1);
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(folder);
      const bytes = Math.min(CHUNK_BYTES, bavail * bsize - freeBytes);
      if (bytes <= 0) return;
      writeSync(file, chunk, 0, bytes);
    }
  } catch (error) {
    // The server took the last blocks meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}
