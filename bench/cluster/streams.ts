import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { removeAtAbruptEnd } from '../../lab/abrupt-end.js';
import { NatsServers } from '../../lab/cluster/nats-servers.js';
import { cpuSeconds, privateBytes } from '../process-tree.js';
import { natsProcesses } from './embedded.js';

/** Of streams that are made at once. */
const AT_ONCE = 16;
/** Elections, and what was written while they were made. */
const SETTLE_MS = 5000;
const IDLE_MS = 5000;
const ANSWER_MS = 30_000;

export interface StreamsCost {
  replicas: 1 | 3;
  streams: number;
  madeMs: number;
  /** Of all servers together. */
  privateBytes: number;
  /** Cores in use while nothing is said. */
  idleCores: number;
}

/** What streams that are empty cost the servers of NATS: as many servers as replicas, one stream for each home. */
export async function measureStreams(replicas: 1 | 3, counts: readonly number[]): Promise<StreamsCost[]> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-bench-nats-'));
  const leftover = removeAtAbruptEnd(folder);
  let servers: NatsServers | undefined;
  try {
    servers = await NatsServers.start(replicas, folder);
    const pids = natsProcesses();
    const connection = await connect({ servers: servers.urls });
    const manager = await jetstreamManager(connection, { timeout: ANSWER_MS });
    const costs: StreamsCost[] = [];
    let made = 0;
    for (const streams of [0, ...counts]) {
      const fromMs = performance.now();
      const makeNext = async (): Promise<void> => {
        while (made < streams) {
          made += 1;
          await manager.streams.add({
            name: `home-${made}`,
            subjects: [`log.${made}`],
            storage: StorageType.File,
            num_replicas: replicas,
          });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, makeNext));
      const madeMs = performance.now() - fromMs;
      await sleep(SETTLE_MS);
      const before = sum(pids, cpuSeconds);
      await sleep(IDLE_MS);
      const idleCores = ((sum(pids, cpuSeconds) - before) * 1000) / IDLE_MS;
      costs.push({ replicas, streams, madeMs, privateBytes: sum(pids, privateBytes), idleCores });
    }
    await connection.close();
    return costs;
  } finally {
    await servers?.close();
    await rm(folder, { recursive: true, force: true });
    leftover.release();
  }
}

function sum(pids: readonly number[], figure: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + figure(pid), 0);
}
