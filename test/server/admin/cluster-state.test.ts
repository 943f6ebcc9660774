import { beforeEach, describe, expect, test } from 'vitest';
import type { ClusterHome, ClusterPeer, ClusterWorkerStats } from '../../../protocol/stats.js';
import { ClusterState } from '../../../server/admin/cluster-state.js';
import { parseServerConfig } from '../../../server/config.js';

const { cluster } = parseServerConfig({
  cluster: { nats: { servers: ['nats://127.0.0.1:4222'] }, node: 'a', homes: 2 },
});
if (!cluster) throw new Error('it is a cluster');

let nowMs = 0;
let state: ClusterState;
beforeEach(() => {
  nowMs = 0;
  state = new ClusterState(cluster, () => nowMs);
});

function worker(change: Partial<ClusterWorkerStats> = {}): ClusterWorkerStats {
  const nothing = { count: 0, tookMs: 0 };
  return {
    ...{ worker: 0, peer: 1, homes: 1, turnsUnderWay: 0, logBytes: 0, busBytes: 0, heldBytes: 0 },
    ...{ repeatedBatches: 0, opened: [], openings: { handedOn: nothing, takenOver: nothing } },
    ...change,
  };
}

const HERE: ClusterPeer = { number: 1, node: 'a', worker: 0, isLeaving: false };
const THERE: ClusterPeer = { number: 2, node: 'b', worker: 0, isLeaving: false };

function homes(...owners: [number, ClusterHome['state']][]): ClusterHome[] {
  return owners.map(([owner, as], home) => ({ home, owner, epoch: 1, state: as }));
}

function see(peers: ClusterPeer[], ...owners: [number, ClusterHome['state']][]): void {
  state.take({ worker: worker(), seen: { peers, homes: homes(...owners) } });
}

describe('a node that sees a home served by nobody', () => {
  test('says so after 30 s, and no longer once it is open', () => {
    see([HERE, THERE], [1, 'open'], [2, 'open']);
    nowMs = 10_000;
    see([HERE], [1, 'open'], [2, 'open']);
    nowMs = 40_000;
    expect(state.problems).toEqual([]);
    nowMs = 40_001;
    expect(state.problems).toEqual(['home 1 of the cluster is served by nobody, for 30 s']);
    // Its next owner reads the log, which does not end it.
    see([HERE], [1, 'open'], [1, 'opening']);
    nowMs = 70_000;
    expect(state.problems).toEqual(['home 1 of the cluster is served by nobody, for 60 s']);
    see([HERE], [1, 'open'], [1, 'open']);
    expect(state.problems).toEqual([]);
  });

  test('counts a home that moves as served, and one that nobody ever had as not', () => {
    see([HERE, THERE], [1, 'moving'], [0, 'opening']);
    nowMs = 31_000;
    expect(state.problems).toEqual(['home 1 of the cluster is served by nobody, for 31 s']);
  });
});

test('a node with a worker that is cut off says which, and does not believe what that saw last', () => {
  see([HERE, THERE], [1, 'open'], [2, 'open']);
  state.take({ worker: worker({ peer: 0 }), seen: { peers: [], homes: homes([1, 'open'], [0, 'opening']) } });
  expect(state.problems).toEqual([
    'server worker 0 is cut off from the cluster c2m; it comes in again when it can',
  ]);
  expect(state.stats().peers).toEqual([HERE, THERE]);
  see([HERE, THERE], [1, 'open'], [2, 'open']);
  expect(state.problems).toEqual([]);
});

describe('a node that is drained', () => {
  const leaving = { ...HERE, isLeaving: true };

  test('has left when all of its processes leave and none of them has a home', () => {
    see([leaving, THERE], [1, 'moving'], [2, 'open']);
    expect([state.isLeaving, state.hasLeft]).toEqual([true, false]);
    see([leaving, { ...HERE, number: 3 }, THERE], [2, 'open'], [2, 'open']);
    expect([state.isLeaving, state.hasLeft]).toEqual([false, false]);
    see([leaving, THERE], [2, 'opening'], [2, 'open']);
    expect([state.isLeaving, state.hasLeft]).toEqual([true, true]);
  });

  test('has not left where it is cut off, and nobody is seen', () => {
    see([THERE], [2, 'open'], [2, 'open']);
    expect([state.isLeaving, state.hasLeft]).toEqual([false, false]);
  });
});
