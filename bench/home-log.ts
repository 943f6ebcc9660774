import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import chalk from 'chalk';
import { VALUE_OFFSET } from '../server/store/home-store.js';
import { JetStreamStore } from '../server/store/jetstream/jetstream-store.js';
import { itemKey } from '../server/store/store-keys.js';
import { NatsCluster } from '../test/support/nats-cluster.js';

/**
 * What a home on JetStream costs: commits with one and with three replicas, all on this machine; and how long a takeover
 * takes. Each figure is of one home with a stream of its own.
 */
const SECONDS = 4;
const MESSAGE_BYTES = 100;
/** What a message is in a home's store beside its bytes: its sender, its id, its time. */
const ITEM_BYTES = MESSAGE_BYTES + 60;

interface Turns {
  name: string;
  messages: number;
}

const LARGE: Turns = { name: '100 messages, 20 KB', messages: 100 };
const SMALL: Turns = { name: '1 message', messages: 1 };
const WAITING = [100_000, 1_000_000];

// So that what was started ends too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

let homes = 0;

for (const replicas of [1, 3]) {
  const cluster = await NatsCluster.start(replicas);
  const connection = await connect({ servers: cluster.urls, maxReconnectAttempts: -1 });
  try {
    console.log(chalk.bold(`\nCommits, ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`));
    console.log(
      `${'a turn'.padEnd(24)}${'under way'.padStart(10)}${'turns/s'.padStart(9)}${'messages/s'.padStart(12)}${'p50'.padStart(10)}${'p99'.padStart(10)}${'CPU here a message'.padStart(20)}`,
    );
    for (const turns of [LARGE, SMALL])
      for (const underWay of [1, 4, 16]) await measureCommits(connection, replicas, turns, underWay);
    console.log(chalk.bold(`\nTakeover, ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`));
    for (const waiting of WAITING)
      for (const hasSnapshots of [false, true])
        await measureTakeover(connection, replicas, waiting, hasSnapshots);
  } finally {
    await connection.close();
    await cluster.close();
  }
}

async function measureCommits(
  connection: NatsConnection,
  replicas: number,
  { name, messages }: Turns,
  underWay: number,
): Promise<void> {
  await withStore(connection, replicas, 2 ** 40, async (open) => {
    const store = await open(1);
    const latencies: number[] = [];
    let sequence = 0;
    let isOver = false;
    const run = async (): Promise<void> => {
      while (!isOver) {
        stageMessages(store, sequence, messages);
        sequence += messages;
        const startedMs = performance.now();
        await store.commit();
        latencies.push(performance.now() - startedMs);
      }
    };
    const runs = Array.from({ length: underWay }, run);
    await pass(1000);
    latencies.length = 0;
    const before = { atMs: performance.now(), cpu: process.cpuUsage() };
    await pass(SECONDS * 1000);
    const { user, system } = process.cpuUsage(before.cpu);
    const elapsed = (performance.now() - before.atMs) / 1000;
    const turns = latencies.length;
    isOver = true;
    await Promise.all(runs);
    latencies.length = turns;
    latencies.sort((one, other) => one - other);
    const at = (share: number): string =>
      `${(latencies[Math.floor(turns * share)] ?? Number.NaN).toFixed(2)} ms`;
    console.log(
      `${name.padEnd(24)}${String(underWay).padStart(10)}${count(turns / elapsed).padStart(9)}${count((turns * messages) / elapsed).padStart(12)}` +
        `${at(0.5).padStart(10)}${at(0.99).padStart(10)}${`${((user + system) / (turns * messages)).toFixed(1)} us`.padStart(20)}`,
    );
  });
}

/** @param hasSnapshots otherwise all of it is read from the log */
async function measureTakeover(
  connection: NatsConnection,
  replicas: number,
  waiting: number,
  hasSnapshots: boolean,
): Promise<void> {
  await withStore(connection, replicas, hasSnapshots ? 64 * 2 ** 20 : 2 ** 40, async (open) => {
    const store = await open(1);
    let commits: (Promise<void> | undefined)[] = [];
    for (let sequence = 0; sequence < waiting; sequence += LARGE.messages) {
      stageMessages(store, sequence, LARGE.messages);
      commits.push(store.commit());
      if (commits.length < 64) continue;
      await Promise.all(commits);
      commits = [];
    }
    await Promise.all(commits);
    await store.close();
    const startedMs = performance.now();
    const next = await open(2);
    const tookMs = performance.now() - startedMs;
    if (next.count(Buffer.of(1)) !== waiting) throw new Error('a takeover has lost messages');
    const { fencedMs, snapshotMs, replayMs, snapshotBytes, records, bytes } = next.takeover;
    console.log(
      `${count(waiting).padStart(9)} messages: ${count(tookMs)} ms; fence ${count(fencedMs)}, snapshot ${count(snapshotMs)} (${count(snapshotBytes / 2 ** 20)} MB), log ${count(replayMs)} (${records} records, ${count(bytes / 2 ** 20)} MB)`,
    );
  });
}

async function withStore(
  connection: NatsConnection,
  replicas: number,
  snapshotBytes: number,
  use: (open: (epoch: number) => Promise<JetStreamStore>) => Promise<void>,
): Promise<void> {
  homes += 1;
  const home = homes;
  const folders: string[] = [];
  const stores: JetStreamStore[] = [];
  const open = async (epoch: number): Promise<JetStreamStore> => {
    const folder = mkdtempSync(join(tmpdir(), 'c2m-bench-'));
    folders.push(folder);
    const store = new JetStreamStore({
      connection,
      cluster: 'bench',
      home,
      replicas,
      maxBytes: 2 ** 34,
      snapshotBytes,
      folder,
      fenced: (reason) => {
        throw new Error(reason);
      },
      log: (line) => console.log(line),
    });
    stores.push(store);
    await store.open(epoch);
    return store;
  };
  try {
    await use(open);
  } finally {
    for (const store of stores) await store.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

function stageMessages(store: JetStreamStore, from: number, messages: number): void {
  for (let sequence = from; sequence < from + messages; sequence += 1)
    store.stage(
      itemKey(1 + (sequence % 1000), 1 + Math.floor(sequence / 1000)),
      Buffer.alloc(VALUE_OFFSET + ITEM_BYTES, sequence),
    );
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
