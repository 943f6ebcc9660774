import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chalk from 'chalk';
import { Command } from 'commander';
import { median } from '../record/comparison/sample.js';
import {
  fitWithConfidence,
  type Interval,
  LEAST_LEVELS,
} from '../record/scalability/scalability-confidence.js';
import {
  fitScalability,
  mostUsefulNodes,
  type ScalePoint,
  throughputAt,
} from '../record/scalability/scalability-law.js';
import { asTarget, type ClusterShape, startCluster, usersAt } from './cluster/embedded.js';
import { measureOpen } from './cluster/open-workload.js';
import { startDirect } from './cluster/peers.js';
import { scaleChart } from './cluster/scale-chart.js';
import { measureStreams } from './cluster/streams.js';
import { measureTakeover } from './cluster/takeover.js';
import type { FloodOptions } from './flood-client.js';
import { findMosquitto, startMosquitto } from './mosquitto.js';
import { measureThroughput, type RunningTarget, startServer, type Throughput } from './throughput.js';

/**
 * What a cluster costs: one node whose mailboxes are in memory, in LMDB, in logs of JetStream with one and with three
 * replicas; two nodes; a hop between nodes; and beside them what others do. All in one run, by turns. Messages of 100 bytes.
 */
interface Options {
  seconds: number;
  rounds: number;
  homes: number;
  only?: string;
  underWay?: number;
  open?: number;
  scale?: string;
  takeover?: string;
  chart?: string;
  streams?: boolean;
}

interface Contender {
  name: string;
  target: FloodOptions['target'];
  start(connections: number): Promise<RunningTarget>;
}

const LISTEN = ['tcp://127.0.0.1:0'];
const WORKLOADS = [
  { connections: 1000, window: 1 },
  { connections: 200, window: 16 },
];

const options = new Command('bench:cluster')
  .option('--seconds <n>', 'that each measurement lasts', Number, 4)
  .option('--rounds <n>', 'of each; the median counts', Number, 1)
  .option('--homes <n>', 'of each cluster', Number, 16)
  .option('--only <expression>', 'only those whose names match, such as "memory|lmdb"')
  .option('--under-way <n>', 'only the workload with so many', Number)
  .option(
    '--open <n>',
    'instead: the latency of so many messages a second, which do not wait for answers',
    Number,
  )
  .option(
    '--scale <numbers>',
    'instead: the throughput of so many nodes, such as 1,2,4, and the law that it follows',
  )
  .option(
    '--takeover <numbers>',
    'instead: how long homes are away in which so many messages wait, such as 100000',
  )
  .option('--chart <file>', 'where the scale is drawn, as an SVG')
  .option('--streams', 'instead: what streams cost the servers of NATS')
  .parse()
  .opts<Options>();

// So that what was started ends too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

if (options.open) await measureLatency(options.open);
else if (options.scale) await measureScale(numbersOf(options.scale));
else if (options.takeover) await measureTakeovers(numbersOf(options.takeover));
else if (options.streams) await measureNats();
else await measureSideBySide();

async function measureSideBySide(): Promise<void> {
  const all = contenders().filter(({ name }) => new RegExp(options.only ?? '').test(name));
  for (const { connections, window } of WORKLOADS) {
    if (options.underWay !== undefined && options.underWay !== window) continue;
    console.log(chalk.bold(`\n${connections} connections, ${window} under way on each`));
    console.log(
      `${''.padEnd(34)}${'a second'.padStart(9)}${'a core-second'.padStart(15)}${'of NATS'.padStart(10)}${'of both'.padStart(10)}${'accepted p50'.padStart(14)}${'p99'.padStart(10)}${'cores'.padStart(12)}`,
    );
    const results = new Map<string, Throughput[]>(all.map(({ name }) => [name, []]));
    for (let round = 0; round < options.rounds; round += 1)
      for (const { name, target, start } of all)
        results
          .get(name)
          ?.push(
            await measureThroughput({ target, connections, window, payloadBytes: 100 }, options.seconds, () =>
              start(connections),
            ),
          );
    for (const [name, rounds] of results) console.log(lineOf(name, rounds));
  }
}

function lineOf(name: string, rounds: Throughput[]): string {
  const middle = (read: (round: Throughput) => number) => median(rounds.map(read));
  const perSecond = middle((round) => round.messagesPerSecond);
  const server = middle((round) => round.serverCores);
  const nats = middle((round) => round.besideCores);
  return (
    name.padEnd(34) +
    count(perSecond).padStart(9) +
    count(middle((round) => round.messagesPerCoreSecond)).padStart(15) +
    (nats > 0 ? count(perSecond / nats) : '').padStart(10) +
    (nats > 0 ? count(perSecond / (nats + server)) : '').padStart(10) +
    `${middle((round) => round.acceptedP50Ms).toFixed(1)} ms`.padStart(14) +
    `${middle((round) => round.acceptedP99Ms).toFixed(1)} ms`.padStart(10) +
    `${server.toFixed(2)}${nats > 0 ? `+${nats.toFixed(2)}` : ''}`.padStart(12)
  );
}

function contenders(): Contender[] {
  const { homes } = options;
  const ofCluster = (name: string, shape: Omit<ClusterShape, 'homes'>): Contender => ({
    name,
    target: 'c2m-tcp',
    start: async () => asTarget(await startCluster({ ...shape, homes })),
  });
  const hop = (name: string, node: number): Contender => ({
    name,
    target: 'c2m-tcp',
    start: async (connections) => {
      const cluster = await startCluster({ nodes: 2, nats: 3, homes });
      const { others = [], ...first } = asTarget(cluster, await usersAt(cluster, node, connections));
      return {
        ...first,
        beside: first.beside ?? [],
        others: others.map(({ pid }) => ({ pid, port: first.port })),
      };
    },
  });
  const mosquitto = findMosquitto();
  if (!mosquitto)
    console.log('mosquitto is not installed (Debian: apt-get install mosquitto); it is left out');
  return [
    {
      name: 'one node, memory',
      target: 'c2m-tcp',
      start: () => startServer({ listen: LISTEN, store: 'memory' }),
    },
    { name: 'one node, lmdb', target: 'c2m-tcp', start: startOnDisk },
    ofCluster('one node, jetstream, 1 replica', { nodes: 1, nats: 1 }),
    ofCluster('one node, jetstream, 3 replicas', { nodes: 1, nats: 3 }),
    ofCluster('two nodes, jetstream, 3 replicas', { nodes: 2, nats: 3 }),
    hop('two nodes, all homes at hand', 0),
    hop('two nodes, all homes a hop away', 1),
    ...(mosquitto
      ? ([
          { name: 'mosquitto, QoS 1', target: 'mqtt', start: () => startMosquitto(mosquitto) },
          {
            name: 'mosquitto, QoS 1, and receipts',
            target: 'mqtt-receipts',
            start: () => startMosquitto(mosquitto),
          },
        ] satisfies Contender[])
      : []),
    { name: 'clients on JetStream, 1 replica', target: 'jetstream', start: () => startDirect(1) },
    { name: 'clients on JetStream, 3 replicas', target: 'jetstream', start: () => startDirect(3) },
  ];
}

async function startOnDisk(): Promise<RunningTarget> {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-bench-'));
  const server = await startServer({ listen: LISTEN, store: 'lmdb', lmdb: { folder } });
  return {
    ...server,
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function measureLatency(perSecond: number): Promise<void> {
  const { homes, seconds } = options;
  const figures = await measureOpen({ nodes: 1, homes, perSecond, seconds });
  console.log(
    `one node, 3 replicas, ${homes} homes, ${count(perSecond)} messages a second that do not wait: accepted p50 ` +
      `${figures.acceptedP50Ms} ms, p99 ${figures.acceptedP99Ms} ms, of that the generator's lag p99 ${figures.lagP99Ms} ms; ` +
      `${count(figures.sent)} sent, ${figures.lost} lost; ${figures.verdict}`,
  );
}

async function measureScale(nodes: readonly number[]): Promise<void> {
  const { homes, seconds } = options;
  const flood = { target: 'c2m-tcp', connections: 200, window: 16, payloadBytes: 100 } as const;
  const points: ScalePoint[] = [];
  for (const each of nodes) {
    const { messagesPerSecond, serverCores, besideCores } = await measureThroughput(
      flood,
      seconds,
      async () => asTarget(await startCluster({ nodes: each, nats: 3, homes })),
    );
    points.push({ nodes: each, perSecond: messagesPerSecond });
    console.log(
      `measured   ${String(each).padStart(4)} nodes ${count(messagesPerSecond).padStart(9)} messages a second, ` +
        `${serverCores.toFixed(2)} cores of c2m, ${besideCores.toFixed(2)} of NATS`,
    );
  }
  const law = fitScalability(points);
  const most = mostUsefulNodes(law);
  console.log(
    `fitted     λ ${count(law.perSecond)}, σ ${law.contention.toFixed(4)}, κ ${law.coherency.toFixed(5)}` +
      (points.length < LEAST_LEVELS
        ? `; how well is not told by fewer than ${LEAST_LEVELS} numbers of nodes`
        : confidenceOf(points)) +
      (most === undefined ? '' : `; the most with ${most.toFixed(1)} nodes`),
  );
  if (options.chart) writeFileSync(options.chart, scaleChart(points, law, Math.max(16, ...nodes)));
  for (const each of [8, 16, 32])
    console.log(
      `projected  ${String(each).padStart(4)} nodes ${count(throughputAt(law, each)).padStart(9)} messages a second, on these cores`,
    );
}

function confidenceOf(points: readonly ScalePoint[]): string {
  const { perSecond, contention, coherency } = fitWithConfidence(points);
  const range = ({ low, high }: Interval, digits: number): string =>
    `${low.toFixed(digits)} to ${high === null ? 'any' : high.toFixed(digits)}`;
  return `; 95 %: λ ${range(perSecond, 0)}, σ ${range(contention, 4)}, κ ${range(coherency, 5)}`;
}

async function measureTakeovers(waiting: readonly number[]): Promise<void> {
  for (const messages of waiting) {
    const { filledPerSecond, openedMs, opened } = await measureTakeover(messages);
    const { tookMs, fenceMs, snapshotMs, replayMs, records, bytes } = opened;
    console.log(
      `${count(messages)} messages wait (accepted at ${count(filledPerSecond)} a second): open ${count(openedMs)} ms after the death of its node; ` +
        `of that ${count(tookMs)} ms to open it: fence ${count(fenceMs)}, snapshot ${count(snapshotMs)}, log ${count(replayMs)} (${count(records)} records, ${count(bytes / 2 ** 20)} MB)`,
    );
  }
}

async function measureNats(): Promise<void> {
  for (const [replicas, counts] of [
    [1, [64, 512, 4096]],
    [3, [64, 256]],
  ] as const) {
    for (const { streams, madeMs, privateBytes, idleCores } of await measureStreams(replicas, counts))
      console.log(
        `${replicas === 1 ? 'one server' : 'three servers'}, ${count(streams).padStart(5)} streams of ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}: ` +
          `${(privateBytes / 2 ** 20).toFixed(1).padStart(7)} MB, ${idleCores.toFixed(3)} cores while idle, made in ${count(madeMs)} ms`,
      );
  }
}

function numbersOf(text: string): number[] {
  return text.split(',').map(Number);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
