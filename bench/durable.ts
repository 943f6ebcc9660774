import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import chalk from 'chalk';
import { readPrivateBytes } from '../loadgen/process-usage.js';
import { median } from '../record/comparison/sample.js';
import { startFlood } from './flood.js';
import type { FloodOptions } from './flood-client.js';
import { findMosquitto, startMosquitto } from './mosquitto.js';
import { measureThroughput, type RunningTarget, startServer, type Throughput } from './throughput.js';

/**
 * What durability costs, and beside a broker that others use: mailboxes in memory, in lmdb, in lmdb with every commit on
 * the disk, and mosquitto. All in one run, by turns.
 */
const ROUNDS = 3;
const SECONDS = 5;
/** Enough that what V8 has not collected yet is little beside them. */
const IDLE_CONNECTIONS = 15_000;
const SETTLE_MS = 15_000;
const LISTEN = ['tcp://127.0.0.1:0'];

interface Contender {
  name: string;
  target: FloodOptions['target'];
  start(): Promise<RunningTarget>;
}

const mosquitto = findMosquitto();
const contenders: Contender[] = [
  {
    name: 'memory',
    target: 'c2m-tcp',
    start: () => startServer({ listen: LISTEN, store: 'memory' }),
  },
  { name: 'lmdb', target: 'c2m-tcp', start: () => startOnDisk(false) },
  { name: 'lmdb, every commit on the disk', target: 'c2m-tcp', start: () => startOnDisk(true) },
];
if (mosquitto) {
  const start = () => startMosquitto(mosquitto);
  contenders.push(
    { name: 'mosquitto, QoS 1', target: 'mqtt', start },
    { name: 'mosquitto, QoS 1, and receipts', target: 'mqtt-receipts', start },
  );
} else {
  console.log('mosquitto is not installed (Debian: apt-get install mosquitto); it is left out');
}

for (const { connections, window } of [
  { connections: 1000, window: 1 },
  { connections: 200, window: 16 },
]) {
  console.log(
    chalk.bold(
      `\nMessages of 100 bytes, ${connections} connections, ${window} under way on each, median of ${ROUNDS}`,
    ),
  );
  console.log(
    `${''.padEnd(32)}${'a core-second'.padStart(14)}${'a second'.padStart(10)}${'accepted p50'.padStart(14)}${'p99'.padStart(11)}`,
  );
  const results = new Map<string, Throughput[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, target, start } of contenders) {
      const measured = await measureThroughput(
        { target, connections, window, payloadBytes: 100 },
        SECONDS,
        start,
      );
      results.get(name)?.push(measured);
    }
  }
  for (const [name, rounds] of results) {
    const middle = (read: (round: Throughput) => number) => median(rounds.map(read));
    const count = (value: number) => Math.round(value).toLocaleString('en-US');
    console.log(
      `${name.padEnd(32)}${count(middle((round) => round.messagesPerCoreSecond)).padStart(14)}` +
        `${count(middle((round) => round.messagesPerSecond)).padStart(10)}` +
        `${`${middle((round) => round.acceptedP50Ms).toFixed(1)} ms`.padStart(14)}` +
        `${`${middle((round) => round.acceptedP99Ms).toFixed(1)} ms`.padStart(11)}`,
    );
  }
}

console.log(
  chalk.bold(
    `\n${IDLE_CONNECTIONS} clients that are logged in and idle, private memory of the server a connection`,
  ),
);
for (const { name, target, start } of contenders.filter((each) => each.target !== 'mqtt-receipts')) {
  const { port, pid, close } = await start();
  const before = readPrivateBytes(pid) ?? Number.NaN;
  const flood = await startFlood({
    target,
    port,
    connections: IDLE_CONNECTIONS,
    window: 0,
    payloadBytes: 100,
  });
  await sleep(SETTLE_MS);
  const bytes = ((readPrivateBytes(pid) ?? Number.NaN) - before) / IDLE_CONNECTIONS;
  flood.stop();
  await close();
  console.log(`${name.padEnd(32)}${Math.round(bytes).toLocaleString('en-US').padStart(14)} bytes`);
}

async function startOnDisk(sync: boolean): Promise<RunningTarget> {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-bench-'));
  const server = await startServer({ listen: LISTEN, store: 'lmdb', lmdb: { folder, sync } });
  return {
    ...server,
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
