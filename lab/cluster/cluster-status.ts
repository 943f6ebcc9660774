import type { ServerStats } from '../../protocol/stats.js';
import type { HomePlace, Peer } from '../../server/cluster/membership.js';
import { type QueueLag, queueLags } from '../queue-lags.js';
import type { TableState } from './cluster-table.js';

/** How a cluster is, for people and as JSON of `c2m cluster status --json`. */
export interface ClusterStatus {
  schema: 'c2m.cluster/1';
  name: string;
  replicas: number;
  homes: HomeCounts;
  nodes: NodeStatus[];
  /** Homes that are not open, by number. */
  unserved: UnservedHome[];
  /** Nodes that operators want drained; such a node need not be there. */
  drains: string[];
  /** Where operators want homes. */
  pins: { home: number; node: string }[];
  /** Every home is open, and the node that has it answers, and is not cut off. */
  isServed: boolean;
}

export interface HomeCounts {
  all: number;
  open: number;
  opening: number;
  moving: number;
  withoutOwner: number;
  /** At nodes that do not answer, or say that they are cut off: as far as the table knows they are open. */
  silent: number;
}

export interface UnservedHome {
  home: number;
  /** Node; null: nobody has it. */
  owner: string | null;
  state: 'opening' | 'moving' | 'without owner' | 'silent';
  /** Node that it moves to. */
  next: string | null;
  epoch: number;
}

export interface NodeStatus {
  node: string;
  peers: number[];
  isLeaving: boolean;
  homes: number;
  /** Where clients connect. */
  addresses: string[];
  /** Versions that it speaks with others of its cluster. */
  bus: { oldest: number; newest: number };
  /** Null: it does not answer. */
  told: ToldStatus | null;
}

export interface ToldStatus {
  version: string;
  /** One of its processes is: it does not serve the homes that the table says it has. */
  isCutOff: boolean;
  connections: number;
  /** That which is furthest behind. */
  queue: Pick<QueueLag, 'name' | 'length' | 'behindMs' | 'isAlerting'> | null;
  privateBytes: number;
  /** Mean of cores that it has worked on between two looks. */
  cores: number;
}

/** @param before and `now`: what the nodes have told, twice */
export function clusterStatus(
  name: string,
  state: TableState,
  before: ReadonlyMap<string, ServerStats>,
  now: ReadonlyMap<string, ServerStats>,
): ClusterStatus {
  const byNumber = new Map(state.peers.map((peer) => [peer.number, peer]));
  const byNode = new Map<string, Peer[]>();
  for (const peer of state.peers) byNode.set(peer.node, [...(byNode.get(peer.node) ?? []), peer]);
  const heard = peersHeard(now);
  const homesOf = new Map<string, number>();
  const counts: HomeCounts = {
    all: state.homes.length,
    open: 0,
    opening: 0,
    moving: 0,
    withoutOwner: 0,
    silent: 0,
  };
  const unserved: UnservedHome[] = [];
  for (const place of state.homes) {
    const owner = byNumber.get(place.owner)?.node ?? null;
    if (owner !== null) homesOf.set(owner, (homesOf.get(owner) ?? 0) + 1);
    const kind = stateOf(place, owner, heard);
    counts[kind === 'without owner' ? 'withoutOwner' : kind] += 1;
    if (kind === 'open') continue;
    const next = byNumber.get(place.next ?? 0)?.node ?? null;
    unserved.push({ home: place.home, owner, state: kind, next, epoch: place.epoch });
  }
  const nodes = [...byNode]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([node, peers]) => nodeStatus(node, peers, homesOf.get(node) ?? 0, before.get(node), now.get(node)));
  return {
    schema: 'c2m.cluster/1',
    name,
    replicas: state.shape.replicas,
    homes: counts,
    nodes,
    unserved,
    drains: state.drains,
    pins: [...state.pins].sort(([a], [b]) => a - b).map(([home, node]) => ({ home, node })),
    isServed: unserved.length === 0,
  };
}

function stateOf(
  { state, owner: number }: HomePlace,
  owner: string | null,
  heard: ReadonlySet<number>,
): 'open' | UnservedHome['state'] {
  if (owner === null) return 'without owner';
  return state === 'open' && !heard.has(number) ? 'silent' : state;
}

/** Numbers under which workers say that they are in the cluster. */
function peersHeard(answers: ReadonlyMap<string, ServerStats>): Set<number> {
  const workers = [...answers.values()].flatMap(({ cluster }) => cluster?.workers ?? []);
  return new Set(workers.map(({ peer }) => peer));
}

function nodeStatus(
  node: string,
  peers: Peer[],
  homes: number,
  before: ServerStats | undefined,
  now: ServerStats | undefined,
): NodeStatus {
  return {
    node,
    peers: peers.map(({ number }) => number),
    isLeaving: peers.some(({ isLeaving }) => isLeaving),
    homes,
    addresses: [...new Set(peers.flatMap(({ addresses }) => addresses))],
    bus: {
      oldest: Math.max(...peers.map(({ versions }) => versions.oldest)),
      newest: Math.min(...peers.map(({ versions }) => versions.newest)),
    },
    told: now ? toldStatus(before ?? now, now) : null,
  };
}

function toldStatus(before: ServerStats, now: ServerStats): ToldStatus {
  const [longest] = queueLags(before, now);
  const isEmpty = !longest || longest.length === 0;
  const { name = '', length = 0, behindMs = 0, isAlerting = false } = longest ?? {};
  return {
    version: now.version,
    isCutOff: now.cluster?.workers.some(({ peer }) => peer === 0) ?? false,
    connections: now.connections,
    queue: isEmpty ? null : { name, length, behindMs, isAlerting },
    privateBytes: now.workers.reduce((sum, worker) => sum + worker.privateBytes, 0),
    cores: now.workers.reduce((sum, worker) => sum + coresOf(worker, before), 0),
  };
}

function coresOf(worker: ServerStats['workers'][number], before: ServerStats): number {
  const earlier = before.workers.find(({ pid }) => pid === worker.pid);
  if (!earlier || worker.atMs === undefined || earlier.atMs === undefined) return 0;
  const ms = worker.atMs - earlier.atMs;
  return ms <= 0 ? 0 : ((worker.cpuSeconds - earlier.cpuSeconds) * 1000) / ms;
}
