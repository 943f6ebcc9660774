import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import type { FloodOptions } from './flood-client.js';
import * as own from './throughput.js';

/**
 * This build beside another one, such as that of the commit before: each figure is measured by turns, and what counts is
 * the ratio of two neighbours. How fast a shared machine is changes by more, within a minute, than most changes do.
 */
type Build = typeof own;

interface Shape {
  target: FloodOptions['target'];
  store: 'memory' | 'lmdb';
  connections: number;
  window: number;
}

const SHAPES: Shape[] = [
  { target: 'c2m-tcp', store: 'memory', connections: 1000, window: 1 },
  { target: 'c2m-tcp', store: 'memory', connections: 200, window: 16 },
  { target: 'c2m-tcp', store: 'lmdb', connections: 1000, window: 1 },
  { target: 'c2m-tcp', store: 'lmdb', connections: 200, window: 16 },
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
  const other: Build = await import(pathToFileURL(resolve(folder, 'dist/bench/throughput.js')).href);
  console.log(
    'Messages a core-second of the server, median of each, and the ratio of neighbours (lowest to highest)',
  );
  for (const shape of SHAPES.filter((each) => nameOf(each).includes(only))) {
    const figures: { own: number; other: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const figure = { own: 0, other: 0 };
      // A B B A: a machine that becomes slower meanwhile favours neither.
      for (const which of round % 2 === 0 ? (['other', 'own'] as const) : (['own', 'other'] as const))
        figure[which] = await measure(which === 'own' ? own : other, shape, seconds);
      figures.push(figure);
    }
    const ratios = figures.map((figure) => figure.own / figure.other).sort((one, next) => one - next);
    console.log(
      `${nameOf(shape).padEnd(32)}${count(median(figures.map(({ other: each }) => each)))} -> ` +
        `${count(median(figures.map(({ own: each }) => each)))}   ${percent(median(ratios))} ` +
        `(${percent(ratios[0] as number)} to ${percent(ratios.at(-1) as number)})`,
    );
  }
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
      store,
      lmdb: { folder: join(folder, 'data') },
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

function median(values: number[]): number {
  return [...values].sort((one, next) => one - next)[Math.floor(values.length / 2)] as number;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US').padStart(8);
}

function percent(ratio: number): string {
  const change = (ratio - 1) * 100;
  return `${change < 0 ? '' : '+'}${change.toFixed(1)} %`;
}
