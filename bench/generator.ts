import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { median } from '../record/comparison/sample.js';
import type * as folder from '../record/folder.js';
import type * as stages from '../reports/stages.js';

/**
 * What a message costs the generator, in this build and in another one, such as that of the commit before: the same
 * scenario by turns, each against its own server, and what counts is the ratio of neighbours.
 */
interface Shape {
  name: string;
  protocol: 'tcp' | 'ws';
  clients: number;
  rate: number;
}

const SHAPES: Shape[] = [
  { name: 'tcp, 1,000 clients', protocol: 'tcp', clients: 1000, rate: 12_000 },
  { name: 'tcp, 10,000 clients', protocol: 'tcp', clients: 10_000, rate: 5000 },
  { name: 'ws, 1,000 clients', protocol: 'ws', clients: 1000, rate: 8000 },
];

interface Cost {
  /** CPU of the agent for a message that is sent, accepted, delivered and receipted. */
  microseconds: number;
  /** User-space memory of the agent. */
  clientBytes: number;
}

const here = resolve(fileURLToPath(new URL('../..', import.meta.url)));

await new Command('bench:generator')
  .argument('<folder>', 'a checkout of c2m that is built (npm ci && npm run build)')
  .option('--rounds <n>', 'pairs for each figure', Number, 5)
  .option('--seconds <n>', 'that each measurement lasts', Number, 5)
  .action(compare)
  .parseAsync();

async function compare(
  other: string,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<void> {
  console.log(
    'CPU of the generator a message, median of each, and the ratio of neighbours (lowest to highest)',
  );
  for (const shape of SHAPES) {
    const pairs: { own: Cost; other: Cost }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const first = round % 2 === 0 ? other : here;
      const one = await measure(first, shape, seconds);
      const next = await measure(first === other ? here : other, shape, seconds);
      pairs.push(first === other ? { other: one, own: next } : { own: one, other: next });
    }
    const medianOf = (of: (pair: { own: Cost; other: Cost }) => number): number => median(pairs.map(of));
    const ratios = pairs.map(({ own, other: before }) => own.microseconds / before.microseconds);
    const percent = (ratio: number): string => `${ratio < 1 ? '' : '+'}${((ratio - 1) * 100).toFixed(1)} %`;
    console.log(
      `${shape.name.padEnd(22)}${medianOf((pair) => pair.other.microseconds).toFixed(1)} -> ` +
        `${medianOf((pair) => pair.own.microseconds).toFixed(1)} µs   ` +
        `${percent(median(ratios))} (${percent(Math.min(...ratios))} to ${percent(Math.max(...ratios))})` +
        `   a client ${medianOf((pair) => pair.other.clientBytes).toFixed(0)} -> ${medianOf((pair) => pair.own.clientBytes).toFixed(0)} bytes`,
    );
  }
}

async function measure(checkout: string, { protocol, clients, rate }: Shape, seconds: number): Promise<Cost> {
  const into = await mkdtemp(join(tmpdir(), 'c2m-generator-'));
  try {
    const file = join(into, 'generator.yaml');
    await writeFile(
      file,
      `name: generator
target: { embedded: { protocol: ${protocol}, store: memory, workers: 1 } }
clients: { count: ${clients}, connectRate: 5000/s, heartbeat: 60s }
messages: { size: 100B }
phases: [{ name: warm, duration: 2s, rate: ${rate}/s }, { name: talk, duration: ${seconds}s, rate: ${rate}/s }]
generator: { agents: 1, lagLimit: 10s }
`,
    );
    const out = join(into, 'record');
    const command = resolve(checkout, 'dist/cli/c2m.js');
    await promisify(execFile)(process.execPath, [command, 'run', file, '--out', out]);
    const load = (path: string): Promise<unknown> =>
      import(pathToFileURL(resolve(checkout, 'dist', path)).href);
    const { readRunRecord, readTimeline } = (await load('record/folder.js')) as typeof folder;
    const { stagesOf } = (await load('reports/stages.js')) as typeof stages;
    const record = await readRunRecord(out);
    const talk = stagesOf(record, await readTimeline(out)).find(({ name }) => name === 'talk');
    if (!talk) throw new Error('the run has no phase to measure');
    return {
      microseconds: (talk.generatorCores * 1e6) / talk.messagesPerSecond,
      clientBytes: record.memory.bytesPerConnection.client ?? Number.NaN,
    };
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
