import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { median } from '../record/comparison/sample.js';
import * as ownConnections from './connections.js';
import type { FloodOptions } from './flood-client.js';
import * as own from './throughput.js';

/**
 * This build beside another one, such as that of the commit before: each figure is measured by turns, and what counts is
 * the ratio of two neighbours. How fast a shared machine is changes by more, within a minute, than most changes do.
 */
type Build = typeof own & typeof ownConnections;

const OWN: Build = { ...own, ...ownConnections };
/** Enough that what V8 has not collected yet is little beside them. */
const IDLE_CONNECTIONS = 15_000;
/** Pairs of what idle connections cost: each takes a minute, and differs little. */
const IDLE_ROUNDS = 2;

interface Shape {
  target: FloodOptions['target'];
  store: 'memory' | 'lmdb' | 'lmdb on the disk';
  connections: number;
  window: number;
}

const SHAPES: Shape[] = [
  { target: 'c2m-tcp', store: 'memory', connections: 1000, window: 1 },
  { target: 'c2m-tcp', store: 'memory', connections: 200, window: 16 },
  { target: 'c2m-tcp', store: 'lmdb', connections: 1000, window: 1 },
  { target: 'c2m-tcp', store: 'lmdb', connections: 200, window: 16 },
  { target: 'c2m-tcp', store: 'lmdb on the disk', connections: 1000, window: 1 },
  { target: 'c2m-tcp', store: 'lmdb on the disk', connections: 200, window: 16 },
  { target: 'c2m-ws', store: 'memory', connections: 1000, window: 1 },
  { target: 'c2m-ws', store: 'memory', connections: 200, window: 16 },
];

const program = new Command('bench:beside')
  .argument('<folder>', 'a checkout of c2m that is built (npm ci && npm run build)')
  .option('--rounds <n>', 'pairs for each figure', Number, 5)
  .option('--seconds <n>', 'that each measurement lasts', Number, 4)
  .option('--only <text>', 'figures whose name has this in it, such as lmdb', '')
  .action(compare);
await program.parseAsync();

async function compare(
  folder: string,
  { rounds, seconds, only }: { rounds: number; seconds: number; only: string },
): Promise<void> {
  const other = await load(resolve(folder));
  console.log(
    'Messages a core-second of the server, median of each, and the ratio of neighbours (lowest to highest)',
  );
  for (const shape of SHAPES.filter((each) => nameOf(each).includes(only)))
    print(nameOf(shape), await byTurns(rounds, other, (build) => measure(build, shape, seconds)));
  const protocols = (['tcp', 'ws'] as const).filter((protocol) => `idle ${protocol}`.includes(only));
  if (protocols.length > 0)
    console.log(
      `${IDLE_CONNECTIONS} clients that are logged in and idle: bytes a connection, connects a second`,
    );
  for (const protocol of protocols) {
    const costs = await byTurns(IDLE_ROUNDS, other, (build) =>
      build.measureConnections(protocol, IDLE_CONNECTIONS),
    );
    const figures = (name: keyof ownConnections.ConnectionCost): Pair<number>[] =>
      costs.map((pair) => ({ own: pair.own[name], other: pair.other[name] }));
    print(`idle ${protocol}, server bytes`, figures('serverBytes'));
    print(`idle ${protocol}, agent bytes`, figures('agentBytes'));
    print(`idle ${protocol}, connects a second`, figures('connectsPerSecond'));
  }
}

async function load(folder: string): Promise<Build> {
  const modules = ['throughput', 'connections'].map(
    (name) => import(pathToFileURL(join(folder, `dist/bench/${name}.js`)).href),
  );
  return Object.assign({}, ...(await Promise.all(modules)));
}

interface Pair<Value> {
  own: Value;
  other: Value;
}

/** A B B A: a machine that becomes slower meanwhile favours neither. */
async function byTurns<Value>(
  rounds: number,
  other: Build,
  take: (build: Build) => Promise<Value>,
): Promise<Pair<Value>[]> {
  const pairs: Pair<Value>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) {
      const theirs = await take(other);
      pairs.push({ own: await take(OWN), other: theirs });
    } else {
      const ours = await take(OWN);
      pairs.push({ own: ours, other: await take(other) });
    }
  }
  return pairs;
}

function print(name: string, pairs: Pair<number>[]): void {
  const ratios = pairs.map((pair) => pair.own / pair.other).sort((one, next) => one - next);
  console.log(
    `${name.padEnd(40)}${count(median(pairs.map((pair) => pair.other)))} -> ` +
      `${count(median(pairs.map((pair) => pair.own)))}   ${percent(median(ratios))} ` +
      `(${percent(ratios[0] as number)} to ${percent(ratios.at(-1) as number)})`,
  );
}

function nameOf({ target, store, connections, window }: Shape): string {
  return `${target}, ${store}, ${connections} x ${window}`;
}

async function measure(
  build: Build,
  { target, store, connections, window }: Shape,
  seconds: number,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-beside-'));
  const protocol = target === 'c2m-ws' ? 'ws' : 'tcp';
  const start = (): Promise<own.RunningTarget> =>
    build.startServer({
      listen: [`${protocol}://127.0.0.1:0`],
      store: store === 'memory' ? 'memory' : 'lmdb',
      lmdb: { folder: join(folder, 'data'), sync: store === 'lmdb on the disk' },
    });
  try {
    const measured = await build.measureThroughput(
      { target, connections, window, payloadBytes: 100 },
      seconds,
      start,
    );
    return measured.messagesPerCoreSecond;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US').padStart(8);
}

function percent(ratio: number): string {
  const change = (ratio - 1) * 100;
  return `${change < 0 ? '' : '+'}${change.toFixed(1)} %`;
}
