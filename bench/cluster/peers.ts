import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { removeAtAbruptEnd } from '../../lab/abrupt-end.js';
import { NatsServers } from '../../lab/cluster/nats-servers.js';
import { DIRECT_SUBJECTS } from '../jetstream-client.js';
import type { RunningTarget } from '../throughput.js';
import { natsProcesses } from './embedded.js';

/** Servers of NATS with one stream that clients publish to themselves, kept by all of them. */
export async function startDirect(servers: 1 | 3): Promise<RunningTarget> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-bench-nats-'));
  const leftover = removeAtAbruptEnd(folder);
  let nats: NatsServers | undefined;
  const close = async (): Promise<void> => {
    await nats?.close();
    await rm(folder, { recursive: true, force: true });
    leftover.release();
  };
  try {
    nats = await NatsServers.start(servers, folder);
    const connection = await connect({ servers: nats.urls });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({
      name: 'direct',
      subjects: [DIRECT_SUBJECTS],
      storage: StorageType.File,
      num_replicas: servers,
    });
    await connection.close();
    const pids = natsProcesses();
    const all = nats.urls.map((url, at) => ({ port: Number(new URL(url).port), pid: pids[at] ?? 0 }));
    const [first, ...others] = all as [(typeof all)[0], ...typeof all];
    return { ...first, others, close };
  } catch (error) {
    await close();
    throw error;
  }
}
