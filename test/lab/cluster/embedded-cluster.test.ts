import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readStats } from '../../../lab/admin-client.js';
import { EmbeddedCluster } from '../../../lab/cluster/embedded-cluster.js';
import type { ServerAction, Which } from '../../../scenarios/scenario.js';
import { parseServerConfig } from '../../../server/config.js';
import { TestClient } from '../../support/client.js';
import { isAlive } from '../../support/commands.js';

/** Servers that each stand alone, in the place of nodes: what is done to them is the same. */
async function standIns(nodes: number, actions: { kind: 'cut-node' }[] = []): Promise<EmbeddedCluster> {
  const config = parseServerConfig({
    listen: ['tcp://127.0.0.1:0'],
    admin: { port: 0 },
    logLevel: 'silent',
    limits: { drainTimeoutMs: 500 },
  });
  const plan = { nodes, nats: 1, replicas: 1, homes: 4 } as const;
  return EmbeddedCluster.start(config, plan, 1, actions);
}

async function pidOf(cluster: EmbeddedCluster, node: number): Promise<number> {
  const { workers } = await readStats(cluster.nodes[node - 1]?.adminUrl ?? '');
  return workers[0]?.pid ?? 0;
}

async function act(cluster: EmbeddedCluster, action: Partial<ServerAction> & { kind: string }) {
  const ended: string[] = [];
  const done = cluster.act({ atMs: 0, ...action } as ServerAction, (words) => ended.push(words));
  return { done, ended };
}

const nodeAction = (kind: string, node: Which, more: object = {}) =>
  ({ kind, node, restartAfterMs: 0, ...more }) as Partial<ServerAction> & { kind: string };

/** T: running, stopped, and so on; as the kernel says. */
function stateOf(pid: number): string {
  return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
}

/** Longer than anybody waits: it ends when the run does. */
const AN_HOUR_MS = 3_600_000;

describe('a cluster that the lab starts', () => {
  let cluster: EmbeddedCluster;
  beforeAll(async () => {
    cluster = await standIns(2);
  });
  afterAll(() => cluster?.close());

  test('has nodes that listen each at an address of its own, and tell of themselves', async () => {
    expect(cluster.nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2']);
    expect(new Set(cluster.addresses.map(({ port }) => port)).size).toBe(2);
    const pids = await Promise.all([1, 2].map((node) => pidOf(cluster, node)));
    expect(new Set(pids).size).toBe(2);
  });

  test('loads handlers anew on every node', async () => {
    const { done } = await act(cluster, { kind: 'reload', handlers: null, isRejected: false });
    expect(await done).toMatch(/^reload: version /);
    const loads = await Promise.all(cluster.nodes.map(({ adminUrl }) => readStats(adminUrl)));
    expect(loads.map(({ handlers }) => handlers.loads)).toEqual([2, 2]);
  });

  test('has a node killed, which comes back at the same address', async () => {
    const [before, addresses] = [await pidOf(cluster, 2), cluster.addresses];
    const { done, ended } = await act(cluster, nodeAction('kill-node', 2));
    expect(await done).toBe('kill node-2');
    expect(ended).toEqual(['node-2 is back']);
    expect(isAlive(before)).toBe(false);
    expect(cluster.addresses).toEqual(addresses);
    expect(await pidOf(cluster, 2)).not.toBe(before);
    await TestClient.login(cluster.addresses[1] as (typeof addresses)[number], 1);
  });

  test('has a node drained, which ends in good order and is replaced', async () => {
    const pids = [await pidOf(cluster, 1), await pidOf(cluster, 2)];
    for (const node of [1, 2]) {
      const { done } = await act(cluster, nodeAction('drain-node', 'each'));
      expect(await done).toBe(`drain node-${node}`);
    }
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(await pidOf(cluster, 1)).not.toBe(pids[0]);
  });

  test('has a server of NATS killed and started again', async () => {
    const { done, ended } = await act(cluster, { kind: 'kill-nats', nats: 'any', restartAfterMs: 0 });
    expect(await done).toBe('kill nats-1');
    expect(ended).toEqual(['nats-1 is back']);
  });

  test('cuts no node from NATS where that was not said before', async () => {
    const { done } = await act(cluster, nodeAction('cut-node', 1, { forMs: AN_HOUR_MS }));
    await expect(done).rejects.toThrow('the cluster was started without it');
  });

  test('tells of a node that died by itself, by its name', async () => {
    process.kill(await pidOf(cluster, 2), 'SIGKILL');
    expect(await cluster.died).toBe('node-2: the server process ended (SIGKILL)');
  });
});

describe('a cluster that much is done to when the run ends', () => {
  let cluster: EmbeddedCluster;
  beforeAll(async () => {
    cluster = await standIns(3, [{ kind: 'cut-node' }]);
  });
  afterAll(() => cluster?.close());

  test('has back at once who was killed, stopped with what it had, or cut from NATS for longer', async () => {
    const pids = await Promise.all([1, 2, 3].map((node) => pidOf(cluster, node)));
    const [killed = 0, stopped = 0, cutOff] = pids;
    const cut = nodeAction('cut-node', 3, { forMs: AN_HOUR_MS });
    const actions = [
      await act(cluster, nodeAction('kill-node', 1, { restartAfterMs: AN_HOUR_MS })),
      await act(cluster, nodeAction('stop-node', 2, { forMs: AN_HOUR_MS })),
      await act(cluster, cut),
    ];
    await expect.poll(() => isAlive(killed)).toBe(false);
    await expect.poll(() => stateOf(stopped)).toBe('T');
    await expect(cluster.act({ atMs: 0, ...cut } as ServerAction, () => undefined)).rejects.toThrow(
      'node-3 is cut from NATS already',
    );
    expect(actions.flatMap(({ ended }) => ended)).toEqual([]);
    cluster.hurry();
    expect(await Promise.all(actions.map(({ done }) => done))).toEqual([
      'kill node-1',
      'stop node-2',
      'cut node-3 from NATS',
    ]);
    expect(actions.map(({ ended }) => ended)).toEqual([
      ['node-1 is back'],
      ['node-2 goes on'],
      ['node-3 reaches NATS again'],
    ]);
    await expect.poll(() => stateOf(stopped)).not.toBe('T');
    expect(await pidOf(cluster, 1)).not.toBe(killed);
    expect(await Promise.all([2, 3].map((node) => pidOf(cluster, node)))).toEqual([stopped, cutOff]);
  });

  test('leaves no process and no folder', async () => {
    const pids = await Promise.all([1, 2, 3].map((node) => pidOf(cluster, node)));
    const [folder = ''] =
      /^\/.*c2m-target-[^/]+/.exec(
        readFileSync(`/proc/${pids[0]}/environ`, 'utf8').split('TMPDIR=')[1] ?? '',
      ) ?? [];
    expect(existsSync(folder)).toBe(true);
    await cluster.close();
    expect(pids.map(isAlive)).toEqual([false, false, false]);
    expect(existsSync(folder)).toBe(false);
  });
});
