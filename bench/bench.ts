import chalk from 'chalk';
import { measureConnections } from './connections.js';
import type { FloodOptions } from './flood-client.js';
import { measureThroughput, type Throughput } from './throughput.js';
import { measureTransport } from './transports.js';

/**
 * Everything is measured in one run and printed side by side, the targets by turns: the only way to compare on a
 * machine that others use as well. Bounds are the first targets of the project; a run below one is marked, not failed.
 */
const ROUNDS = 3;
const SECONDS = 5;
const CONNECTIONS = 15_000;

const TARGETS: { target: FloodOptions['target']; name: string }[] = [
  { target: 'relay-ws', name: 'bare ws relay' },
  { target: 'c2m-tcp', name: 'c2m over TCP' },
  { target: 'c2m-ws', name: 'c2m over WebSocket' },
];

/** Few busy connections fill every read and write; many quiet ones cost a system call a frame. */
const SHAPES: { words: string; connections: number; window: number; atLeast: number }[] = [
  { words: '1,000 connections, 1 message under way on each', connections: 1000, window: 1, atLeast: 40_000 },
  { words: '200 connections, 16 messages under way on each', connections: 200, window: 16, atLeast: 40_000 },
];

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

for (const shape of SHAPES) {
  heading(`Messages of 100 bytes, ${shape.words}: median of ${ROUNDS} rounds (lowest to highest)`);
  const results = new Map<string, Throughput[]>(TARGETS.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { target, name } of TARGETS) {
      const { connections, window } = shape;
      results
        .get(name)
        ?.push(await measureThroughput({ target, connections, window, payloadBytes: 100 }, SECONDS));
    }
  }
  for (const [name, rounds] of results) {
    const perCore = rounds.map(({ messagesPerCoreSecond }) => messagesPerCoreSecond).sort((a, b) => a - b);
    const median = perCore[Math.floor(perCore.length / 2)] as number;
    const range = `(${number.format(perCore[0] as number)} to ${number.format(perCore.at(-1) as number)})`;
    const perSecond = Math.max(...rounds.map(({ messagesPerSecond }) => messagesPerSecond));
    line(
      name,
      `${number.format(median).padStart(8)} messages a server core-second ${range.padEnd(22)}` +
        `${number.format(perSecond).padStart(8)} messages/s at most`,
      name === 'c2m over TCP' ? median >= shape.atLeast : undefined,
    );
  }
}

heading(`${number.format(CONNECTIONS)} clients that are logged in and idle, user-space memory a connection`);
for (const protocol of ['tcp', 'ws'] as const) {
  const cost = await measureConnections(protocol, CONNECTIONS);
  const serverLimit = (protocol === 'tcp' ? 3 : 7) * 1024;
  line(
    `server, ${protocol}`,
    `${number.format(cost.serverBytes).padStart(8)} bytes`,
    cost.serverBytes <= serverLimit,
  );
  line(
    `agent, ${protocol}`,
    `${number.format(cost.agentBytes).padStart(8)} bytes`,
    protocol === 'tcp' ? cost.agentBytes <= 3 * 1024 : undefined,
  );
  line(
    `connects, ${protocol}`,
    `${number.format(cost.connectsPerSecond).padStart(8)} a second, one agent and one server worker`,
    protocol === 'tcp' ? cost.connectsPerSecond >= 5000 : undefined,
  );
}

const isRoot = process.platform === 'linux' && process.geteuid?.() === 0;
heading('10,000 clients at 20,000 connects/s, then 5,000 messages/s: the transports side by side');
for (const transport of isRoot ? (['sockets', 'packets'] as const) : (['sockets'] as const)) {
  const cost = await measureTransport(transport);
  line(
    transport,
    `${number.format(cost.connectsPerSecond).padStart(8)} connects/s, ${number.format(cost.messagesPerCoreSecond)} messages a core-second (server and agent), ` +
      `accepted p50 ${cost.acceptedP50Ms.toFixed(1)} ms, p99 ${cost.acceptedP99Ms.toFixed(1)} ms, agent ${number.format(cost.clientBytes)} bytes a client`,
    undefined,
  );
  process.stdout.write(`    ${' '.repeat(20)} ledger ${JSON.stringify(cost.ledger)}\n`);
}
if (!isRoot) process.stdout.write('    packets              needs Linux and root\n');

function heading(words: string): void {
  process.stdout.write(`\n${chalk.bold(words)}\n`);
}

/** @param isWithin undefined where the project has set no target */
function line(name: string, figures: string, isWithin: boolean | undefined): void {
  const mark = isWithin === undefined ? ' ' : isWithin ? chalk.green('✔') : chalk.red('✘');
  process.stdout.write(`  ${mark} ${name.padEnd(20)} ${figures}\n`);
}
