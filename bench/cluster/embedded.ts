import { setTimeout as sleep } from 'node:timers/promises';
import { readStats } from '../../lab/admin-client.js';
import { EmbeddedCluster } from '../../lab/cluster/embedded-cluster.js';
import type { ClusterStats } from '../../protocol/stats.js';
import { homeWorker } from '../../server/bus/topology.js';
import { type ServerConfigInput, serverConfigSchema } from '../../server/config.js';
import { commandLine, processTree } from '../process-tree.js';
import type { RunningTarget } from '../throughput.js';

export interface ClusterShape {
  nodes: number;
  /** Servers of NATS; all of them keep each log. */
  nats: 1 | 3;
  homes: number;
}

/** Homes have moved to where they belong by then, or never will. */
const SETTLED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** A cluster of real processes on this machine, whose homes are all open and shared out. */
export interface BenchCluster {
  cluster: EmbeddedCluster;
  /** Of nodes, in their order. */
  servers: { port: number; pid: number; adminUrl: string }[];
  /** Of the servers of NATS. */
  nats: number[];
}

export async function startCluster(
  { nodes, nats, homes }: ClusterShape,
  config: ServerConfigInput = {},
): Promise<BenchCluster> {
  const cluster = await EmbeddedCluster.start(
    serverConfigSchema.parse({
      listen: ['tcp://127.0.0.1:0'],
      admin: { host: '127.0.0.1', port: 0 },
      store: 'jetstream',
      logLevel: 'warn',
      ...config,
      limits: { drainTimeoutMs: 500, ...config.limits },
      cluster: { nats: { servers: ['nats://127.0.0.1:1'] }, homes, replicas: nats, ...config.cluster },
    }),
    { nodes, nats, homes, replicas: nats },
    1,
  );
  try {
    await settled(cluster, nodes, homes);
    const servers = await Promise.all(
      cluster.nodes.map(async ({ adminUrl }, at) => {
        const { workers } = await readStats(adminUrl);
        return { port: cluster.addresses[at]?.port ?? 0, pid: workers[0]?.pid ?? 0, adminUrl };
      }),
    );
    return { cluster, servers, nats: natsProcesses() };
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

/** As the flood wants it. @param users who is to talk */
export function asTarget({ cluster, servers, nats }: BenchCluster, users?: readonly number[]): RunningTarget {
  const [first, ...others] = servers;
  if (!first) throw new Error('a cluster has a node');
  return { ...first, others, beside: nats, ...(users && { users }), close: () => cluster.close() };
}

/** So many users whose homes are all at that node: its number from 0. */
export async function usersAt({ servers }: BenchCluster, node: number, count: number): Promise<number[]> {
  const { cluster } = await readStats(servers[node]?.adminUrl ?? '');
  if (!cluster) throw new Error('it is no node of a cluster');
  const own = new Set(homesOf(cluster, cluster.node).map(({ home }) => home));
  const homes = { first: 0, count: cluster.homes.length };
  const users: number[] = [];
  for (let user = 1; users.length < count; user += 1) if (own.has(homeWorker(user, homes))) users.push(user);
  return users;
}

/** Where the cluster says that homes are open. */
export function homesOf({ peers, homes }: ClusterStats, node: string): ClusterStats['homes'] {
  const numbers = new Set(peers.filter((peer) => peer.node === node).map(({ number }) => number));
  return homes.filter(({ owner, state }) => state === 'open' && numbers.has(owner));
}

async function settled(cluster: EmbeddedCluster, nodes: number, homes: number): Promise<void> {
  const untilMs = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const seen = await Promise.all(
      cluster.nodes.map(async ({ name, adminUrl }) => {
        const { cluster: stats } = await readStats(adminUrl);
        return stats ? homesOf(stats, name).length : 0;
      }),
    );
    const isAll = seen.reduce((sum, count) => sum + count, 0) === homes;
    if (isAll && Math.max(...seen) - Math.min(...seen) <= 1 && seen.length === nodes) return;
    if (performance.now() > untilMs) throw new Error(`homes are not shared out: ${seen.join(', ')}`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** Servers of NATS that this process has started. */
export function natsProcesses(): number[] {
  return processTree(process.pid).filter((pid) => /^\S*nats-server /.test(commandLine(pid)));
}
