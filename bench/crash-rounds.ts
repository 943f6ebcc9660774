import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../loadgen/random.js';
import type { Population } from './crash-population.js';
import { CrashServer, homesOf, SHAPES, type Shape, type StoreSettings } from './crash-server.js';

/** What is killed, and when. */
export const KILLS = ['one', 'all', 'start', 'sharing'] as const;
export type Kill = (typeof KILLS)[number];

export interface Round {
  /** What was done, in words. */
  what: string;
  server: CrashServer;
}

/** Traffic before something is killed, and after the server is back. */
const LEAST_TRAFFIC_MS = 700;
const MORE_TRAFFIC_MS = 1200;
/** During a start: a young process dies within this time, or within that of the last start. */
const YOUNG_MS = 500;
const MOST_DEATHS_AT_START = 3;
/** Behind the first folder that is new, during sharing out. */
const SHARING_MS = 250;
const LONGEST_WAIT_FOR_SHARING_MS = 15_000;

/** Plays one round on a server that runs, under traffic, and returns the one that runs afterwards. */
export async function playRound(
  kill: Kill,
  server: CrashServer,
  store: StoreSettings,
  population: Population,
  random: Random,
): Promise<Round> {
  population.startTraffic();
  await sleep(LEAST_TRAFFIC_MS + random.below(MORE_TRAFFIC_MS));
  if (kill === 'one') {
    const { what, isGone } = await server.killOne(random, () => population.moveTo(undefined));
    const next = isGone ? await startAgain(server.shape, store, population) : server;
    return finish(`kill -9 of ${what} of ${server.shape.name}`, next, random);
  }
  // Once it is dead, its port is anybody's.
  population.moveTo(undefined);
  await server.kill();
  const from = server.shape.name;
  if (kill === 'all') {
    const shape = sameHomes(server.shape, random);
    const next = await startAgain(shape, store, population);
    return finish(`kill -9 of all of ${from}`, next, random);
  }
  if (kill === 'start') {
    const shape = sameHomes(server.shape, random);
    const deaths = 1 + random.below(MOST_DEATHS_AT_START);
    const timesMs: number[] = [];
    for (let death = 0; death < deaths; death += 1) {
      const afterMs = random.below(Math.max(YOUNG_MS, server.startMs));
      timesMs.push(afterMs);
      await CrashServer.startAndKill(shape, store, () => sleep(afterMs));
    }
    const next = await startAgain(shape, store, population);
    return finish(`kill -9 of all of ${from}, then ${timesMs.join(', ')} ms into the start`, next, random);
  }
  const others = SHAPES.filter((shape) => homesOf(shape) !== homesOf(server.shape));
  const shape = others[random.below(others.length)] as Shape;
  const afterMs = random.below(SHARING_MS);
  const wasUp = await CrashServer.startAndKill(shape, store, () => untilSharing(store.folder, afterMs));
  // As it should have become, or as it was: both have to find everything.
  const next = await startAgain(random.next() < 0.5 ? shape : server.shape, store, population);
  const when = wasUp ? 'just after it' : `${afterMs} ms into it`;
  return finish(`sharing out from ${from} to ${shape.name}, kill -9 ${when}`, next, random);
}

async function startAgain(shape: Shape, store: StoreSettings, population: Population): Promise<CrashServer> {
  const server = await CrashServer.start(shape, store);
  population.moveTo(server.port);
  return server;
}

async function finish(what: string, server: CrashServer, random: Random): Promise<Round> {
  await sleep(LEAST_TRAFFIC_MS + random.below(MORE_TRAFFIC_MS));
  return { what, server };
}

function sameHomes(shape: Shape, random: Random): Shape {
  const same = SHAPES.filter((other) => homesOf(other) === homesOf(shape));
  return same[random.below(same.length)] as Shape;
}

/** Sharing out begins with folders for the new homes. */
async function untilSharing(folder: string, afterMs: number): Promise<void> {
  const before = foldersIn(folder).size;
  const known = foldersIn(folder);
  const deadlineMs = performance.now() + LONGEST_WAIT_FOR_SHARING_MS;
  while (performance.now() < deadlineMs) {
    const now = foldersIn(folder);
    if (now.size > before || [...now].some((name) => !known.has(name))) break;
    await sleep(1);
  }
  await sleep(afterMs);
}

function foldersIn(folder: string): Set<string> {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return new Set(
      entries.filter((entry) => entry.isDirectory()).map((entry) => `${entry.parentPath}/${entry.name}`),
    );
  } catch {
    // One that vanishes while it is read: the next look tells.
    return new Set();
  }
}
