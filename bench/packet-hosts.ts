import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { builtEntry } from '../entries.js';
import { readHostFacts } from '../loadgen/host-facts.js';
import { readRunRecord } from '../record/folder.js';
import type { Measurement } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import { formatBytes, formatCount } from '../reports/format.js';
import { measurePackets, type PacketRun } from './packet-run.js';

/**
 * Packet clients on machines of their own, network namespaces of this one, against a server on another; and beside it, if
 * wanted, the same clients as `c2m run` has them, in the network of the server. Needs Linux and root.
 */
interface Options {
  clients: number;
  connects: number;
  rate: number;
  seconds: number;
  machines: number;
  beside?: true;
}

type Figures = Omit<Measurement, 'isPartial'>;

/** Files that are open in the whole system beside connections. */
const OTHER_FILES = 50_000;

await new Command('bench:hosts')
  .option('--clients <n>', 'in all', Number, 50_000)
  .option('--connects <n>', 'a second', Number, 8000)
  .option('--rate <n>', 'messages a second', Number, 3000)
  .option('--seconds <n>', 'that they talk', Number, 20)
  .option('--machines <n>', 'with an agent each, beside that of the server', Number, 2)
  .option('--beside', 'measure the same in the network of the server as well')
  .action(async ({ clients, connects, rate, seconds, machines, beside }: Options) => {
    const { fileMax, filesInUse } = readHostFacts();
    const files = clients + OTHER_FILES + (filesInUse ?? 0);
    if (fileMax !== null && fileMax < files)
      throw new Error(`as root, first: sysctl -w fs.file-max=${files} (it is ${fileMax})`);
    const signal = interrupted();
    const run: PacketRun = {
      clients,
      connectsPerSecond: connects,
      messagesPerSecond: rate,
      seconds,
      machines,
    };
    show(
      `${machines} machines, an agent each, and the server's`,
      await measurePackets(run, progress, signal),
    );
    if (beside && !signal.aborted)
      show("one agent in the server's network", await measureBeside(run, signal));
  })
  .parseAsync();

/** Ctrl-C ends the run, and what it has made is taken away. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  // A second one ends it at once, and the kernel takes away what it made.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

function progress({ t, phase, connections, messages }: TimelineSample): void {
  process.stderr.write(
    `${Math.round(t)} s ${phase}: ${formatCount(connections.open)} connections, ` +
      `${formatCount(connections.connected)} more, ${formatCount(messages.delivered)} messages\n`,
  );
}

/** The run on one machine, as it is without all this. */
async function measureBeside(run: PacketRun, signal: AbortSignal): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-beside-'));
  try {
    const file = join(folder, 'beside.yaml');
    await writeFile(
      file,
      `
name: beside
target: { embedded: { store: memory, settings: { limits: { idleTimeoutMs: 900000 } } } }
clients: { count: ${run.clients}, connectRate: ${run.connectsPerSecond}/s, connectTimeout: 30s, heartbeat: 600s }
messages: { size: 100B }
phases: [{ name: talk, duration: ${run.seconds}s, rate: ${run.messagesPerSecond}/s }]
generator: { transport: packets, drain: 30s, lagLimit: 250ms }
`,
    );
    const command = builtEntry('command');
    const out = join(folder, 'record');
    await promisify(execFile)(process.execPath, [command, 'run', file, '--out', out], { signal });
    return await readRunRecord(out);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function show(name: string, measured: Figures): void {
  const { connections, messages, latency, memory, generator, cpu, host, durationSeconds, notes } = measured;
  const { kernel, server, client, total } = memory.bytesPerConnection;
  const bytes = (value: number | null): string => (value === null ? 'not measured' : formatBytes(value));
  const ms = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)} ms`);
  const us = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)} µs`);
  const talk = measured.phases.find((phase) => phase.name === 'talk');
  const seconds = talk ? talk.endSeconds - talk.startSeconds : Number.NaN;
  const rows: [string, string][] = [
    [
      'connections',
      `${formatCount(connections.peak)} of ${formatCount(connections.target)}, ${connections.failed} failed, ${connections.dropped} dropped`,
    ],
    ['connects', `${formatCount(Math.round(connections.connectsPerSecond))}/s`],
    [
      'messages',
      `${formatCount(messages.sent)} sent, ${formatCount(Math.round(messages.delivered / seconds))}/s delivered`,
    ],
    [
      'ledger',
      `${messages.lost} lost, ${messages.duplicated} duplicated, ${messages.outOfOrder} out of order, ${messages.unsent} unsent`,
    ],
    ['accepted', `p50 ${ms(latency.accepted.p50)}, p99 ${ms(latency.accepted.p99)}`],
    [
      'a connection',
      `${bytes(total)}: kernel ${bytes(kernel)}, server ${bytes(server)}, client ${bytes(client)}`,
    ],
    [
      'generator',
      generator.valid ? `on time (lag p99 ${ms(generator.lagMs.p99)})` : generator.faults.join('; '),
    ],
    ['packets', JSON.stringify(generator.tcp)],
    [
      'CPU',
      cpu
        ? `${us(cpu.serverUsPerMessage)} of the server a message, ${us(cpu.generatorUsPerMessage)} of the agents`
        : 'not known',
    ],
    ['pressure', host ? JSON.stringify(host) : 'not known'],
    ['took', `${Math.round(durationSeconds)} s`],
    ...notes.map((note): [string, string] => ['note', note]),
  ];
  process.stdout.write(
    `\n${name}\n${rows.map(([label, words]) => `  ${label.padEnd(14)}${words}\n`).join('')}`,
  );
}
