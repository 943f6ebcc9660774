import { availableParallelism, loadavg } from 'node:os';
import { Command } from 'commander';
import { artillery } from './peers/artillery.js';
import { C2M } from './peers/c2m.js';
import { connectedBytes, costOf, measuredWindow } from './peers/cost.js';
import { PROTOCOLS, type Protocol } from './peers/subject.js';
import { tidily } from './peers/tidy.js';
import type { Tool } from './peers/tool.js';
import { findTsung, TSUNG } from './peers/tsung.js';
import type { Workload } from './peers/workload.js';

/**
 * What a driver costs the generator, CPU for a message and memory for a client, beside what the same workload on a server of
 * the same kind costs other load generators. Each figure is looked at from outside, in the same way for every tool: CPU and
 * private memory of its processes in /proc, and messages by the server's own counter where it has one.
 */
interface Options {
  clients: number;
  rate: number;
  seconds: number;
  size: number;
  idleClients: number;
  peers: boolean;
  artillery?: string;
}

const CONNECTS_PER_SECOND = 500;
const MEMORY_ROUNDS = 3;
const HEADER = [
  'driver',
  'tool',
  'clients',
  'arrived/s',
  'asked for',
  'CPU µs/message',
  'messages/core-s',
  'MiB',
  'bytes/client',
];

await new Command('bench:drivers')
  .argument('[drivers...]', `of ${Object.keys(PROTOCOLS).join(', ')}, or all`, ['mqtt'])
  .option('--clients <n>', 'who talk, an even number', Number, 1000)
  .option('--rate <n>', 'messages a second', Number, 8000)
  .option('--seconds <n>', 'that are measured', Number, 5)
  .option('--size <n>', 'bytes of a message', Number, 100)
  .option('--idle-clients <n>', 'whose memory is measured; 0: not at all', Number, 12_000)
  .option('--no-peers', 'c2m alone, without Tsung')
  .option('--artillery <folder>', 'beside the Artillery of npm install --prefix <folder> artillery')
  .action((names: string[], options: Options) => tidily(() => compare(names, options)))
  .parseAsync();

async function compare(names: string[], options: Options): Promise<void> {
  const tools = [C2M, ...(options.peers ? foreignTools(options) : [])];
  console.log(
    `${availableParallelism()} cores, load average ${loadavg()
      .map((each) => each.toFixed(2))
      .join(' ')}`,
  );
  print(HEADER);
  for (const name of names.includes('all') ? Object.keys(PROTOCOLS) : names) {
    const protocol = PROTOCOLS[name];
    if (!protocol) throw new Error(`${name} is none; write one of ${Object.keys(PROTOCOLS).join(', ')}`);
    for (const tool of tools.filter(({ speaks }) => speaks.includes(name)))
      await measure(name, protocol, tool, options);
  }
  for (const { name, counts } of tools) console.log(`${name} counts ${counts}.`);
  console.log(
    'CPU: user and system of all processes of the tool, while all clients talk, connecting left out. MiB: their private memory ' +
      'meanwhile. bytes/client: what each further client adds to it, from the lowest of three runs each of few and of many, with few messages.',
  );
}

function foreignTools(options: Options): Tool[] {
  const tools: Tool[] = [];
  if (findTsung()) tools.push(TSUNG);
  else console.log('Tsung is not installed (Debian: apt-get install tsung)');
  if (options.artillery) tools.push(artillery(options.artillery));
  return tools;
}

/** One line of the table. What goes wrong with one tool is its line, and the others go on. */
async function measure(name: string, protocol: Protocol, tool: Tool, options: Options): Promise<void> {
  const { clientShare = 1, rateShare = 1, connectsPerSecond = CONNECTS_PER_SECOND } = protocol;
  const workload: Workload = {
    clients: even(options.clients * clientShare),
    rate: options.rate * rateShare,
    seconds: options.seconds,
    messageBytes: options.size,
    connectsPerSecond,
  };
  try {
    const run = await withSubject(protocol, (subject) => tool.run(name, subject, workload, 'talk'));
    const window = measuredWindow(run.counts, run.samples, workload);
    if (!window) throw new Error(`its messages did not arrive for long enough: ${run.says}`);
    const cost = costOf(window, run.samples);
    print([
      name,
      tool.name,
      count(workload.clients),
      count(cost.messagesPerSecond),
      count(workload.rate),
      cost.cpuMicrosecondsPerMessage.toFixed(1),
      count(cost.messagesPerCoreSecond),
      (cost.privateBytes / 1024 ** 2).toFixed(0),
      await memoryCell(name, protocol, tool, workload, even(options.idleClients * clientShare)),
    ]);
    if (tool === C2M) console.log(`    its record: ${run.says}`);
  } catch (error) {
    console.log(`${name}, ${tool.name}: not measured: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

/** Where only this fails, the figures of the talk stand all the same. */
async function memoryCell(
  name: string,
  protocol: Protocol,
  tool: Tool,
  workload: Workload,
  clients: number,
): Promise<string> {
  if (clients === 0) return '-';
  try {
    return count(await bytesPerClient(name, protocol, tool, workload, clients));
  } catch (error) {
    console.log(`${name}, ${tool.name}: memory of a client not measured: ${(error as Error).message}`);
    process.exitCode = 1;
    return '?';
  }
}

/**
 * What a runtime needs whoever is connected drops out between runs of few clients and of many. Of each the lowest counts: what one
 * of them had more is garbage, and a few MiB of that are hundreds of bytes a client.
 */
async function bytesPerClient(
  name: string,
  protocol: Protocol,
  tool: Tool,
  workload: Workload,
  many: number,
): Promise<number> {
  const few = even(many / 8);
  const bytesOf = async (clients: number): Promise<number> => {
    const idle = { ...workload, clients, rate: clients / 100 };
    const run = await withSubject(protocol, (subject) => tool.run(name, subject, idle, 'idle'));
    const bytes = connectedBytes(run.samples);
    if (bytes === undefined) throw new Error(`its ${clients} clients were never all connected: ${run.says}`);
    if (run.clientBytes)
      console.log(
        `    its record of ${count(clients)} idle clients: ${count(run.clientBytes)} bytes a client`,
      );
    return bytes;
  };
  let [lowestMany, lowestFew] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < MEMORY_ROUNDS; round += 1) {
    lowestMany = Math.min(lowestMany, await bytesOf(many));
    lowestFew = Math.min(lowestFew, await bytesOf(few));
  }
  return (lowestMany - lowestFew) / (many - few);
}

async function withSubject<Result>(
  protocol: Protocol,
  use: (subject: Awaited<ReturnType<Protocol['start']>>) => Promise<Result>,
): Promise<Result> {
  const subject = await protocol.start();
  try {
    return await use(subject);
  } finally {
    await subject.close();
  }
}

/** Clients come in pairs. */
function even(value: number): number {
  return 2 * Math.round(value / 2);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function print(cells: string[]): void {
  console.log(
    cells
      .map((cell, index) => (index < 2 ? cell.padEnd(11) : cell.padStart((HEADER[index]?.length ?? 0) + 3)))
      .join(''),
  );
}
