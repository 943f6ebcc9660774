import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { readStats } from '../../../lab/admin-client.js';
import { EmbeddedCluster } from '../../../lab/cluster/embedded-cluster.js';
import type { ServerAction, Which } from '../../../scenarios/scenario.js';
import { parseServerConfig } from '../../../server/config.js';
import { TestClient } from '../../support/client.js';
import { isAlive } from '../../support/commands.js';

const running: EmbeddedCluster[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((cluster) => cluster.close()));
});

/** Servers that each stand alone, in the place of nodes: what is done to them is the same. */
async function standIns(nodes: number, actions: { kind: 'cut-node' }[] = []): Promise<EmbeddedCluster> {
  const config = parseServerConfig({
    listen: ['tcp://127.0.0.1:0'],
    admin: { port: 0 },
    logLevel: 'silent',
    limits: { drainTimeoutMs: 500 },
  });
  const plan = { nodes, nats: 1, replicas: 1, homes: 4 } as const;
  const cluster = await EmbeddedCluster.start(config, plan, 1, actions);
  running.push(cluster);
  return cluster;
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

describe('a cluster that the lab starts', () => {
  test('has nodes that listen each at an address of its own, and tell of themselves', async () => {
    const cluster = await standIns(3);
    expect(cluster.nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
    expect(new Set(cluster.addresses.map(({ port }) => port)).size).toBe(3);
    const pids = await Promise.all([1, 2, 3].map((node) => pidOf(cluster, node)));
    expect(new Set(pids).size).toBe(3);
  });

  test('has a node killed, which comes back at the same address', async () => {
    const cluster = await standIns(2);
    const [before, addresses] = [await pidOf(cluster, 2), cluster.addresses];
    const { done, ended } = await act(cluster, nodeAction('kill-node', 2));
    expect(await done).toBe('kill node-2');
    expect(ended).toEqual(['node-2 is back']);
    expect(isAlive(before)).toBe(false);
    expect(cluster.addresses).toEqual(addresses);
    expect(await pidOf(cluster, 2)).not.toBe(before);
    await TestClient.login(cluster.addresses[1] as (typeof addresses)[number], 1);
  });

  test('starts a node again at once when the run ends, however long it was to be gone', async () => {
    const cluster = await standIns(1);
    const { done, ended } = await act(cluster, nodeAction('kill-node', 1, { restartAfterMs: 3_600_000 }));
    cluster.hurry();
    await done;
    expect(ended).toEqual(['node-1 is back']);
  });

  test('has a node stopped and continued with what it had', async () => {
    const cluster = await standIns(1);
    const pid = await pidOf(cluster, 1);
    const { done, ended } = await act(cluster, nodeAction('stop-node', 1, { forMs: 3_600_000 }));
    await expect.poll(() => stateOf(pid)).toBe('T');
    cluster.hurry();
    expect(await done).toBe('stop node-1');
    expect(ended).toEqual(['node-1 goes on']);
    await expect.poll(() => stateOf(pid)).not.toBe('T');
    expect(await pidOf(cluster, 1)).toBe(pid);
  });

  test('has a node cut from NATS until its time is over, where that was said before', async () => {
    const cluster = await standIns(1, [{ kind: 'cut-node' }]);
    const cut = nodeAction('cut-node', 1, { forMs: 3_600_000 });
    const { done, ended } = await act(cluster, cut);
    await expect(cluster.act({ atMs: 0, ...cut } as ServerAction, () => undefined)).rejects.toThrow(
      'node-1 is cut from NATS already',
    );
    cluster.hurry();
    expect(await done).toBe('cut node-1 from NATS');
    expect(ended).toEqual(['node-1 reaches NATS again']);
    const without = await standIns(1);
    const { done: refused } = await act(without, cut);
    await expect(refused).rejects.toThrow('the cluster was started without it');
  });

  test('has a node drained, which ends in good order and is replaced', async () => {
    const cluster = await standIns(2);
    const pids = [await pidOf(cluster, 1), await pidOf(cluster, 2)];
    for (const node of [1, 2]) {
      const { done } = await act(cluster, nodeAction('drain-node', 'each'));
      expect(await done).toBe(`drain node-${node}`);
    }
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(await pidOf(cluster, 1)).not.toBe(pids[0]);
  });

  test('has a server of NATS killed and started again', async () => {
    const cluster = await standIns(1);
    const { done, ended } = await act(cluster, { kind: 'kill-nats', nats: 'any', restartAfterMs: 0 });
    expect(await done).toBe('kill nats-1');
    expect(ended).toEqual(['nats-1 is back']);
  });

  test('loads handlers anew on every node', async () => {
    const cluster = await standIns(2);
    const { done } = await act(cluster, { kind: 'reload', handlers: null, isRejected: false });
    expect(await done).toMatch(/^reload: version /);
    const loads = await Promise.all(cluster.nodes.map(({ adminUrl }) => readStats(adminUrl)));
    expect(loads.map(({ handlers }) => handlers.loads)).toEqual([2, 2]);
  });

  test('tells of a node that died by itself, by its name', async () => {
    const cluster = await standIns(2);
    process.kill(await pidOf(cluster, 2), 'SIGKILL');
    expect(await cluster.died).toBe('node-2: the server process ended (SIGKILL)');
  });

  test('leaves no process and no folder', async () => {
    const cluster = await standIns(2);
    const pids = [await pidOf(cluster, 1), await pidOf(cluster, 2)];
    const [folder = ''] =
      /^\/.*c2m-target-[^/]+/.exec(
        readFileSync(`/proc/${pids[0]}/environ`, 'utf8').split('TMPDIR=')[1] ?? '',
      ) ?? [];
    expect(existsSync(folder)).toBe(true);
    running.pop();
    await cluster.close();
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(existsSync(folder)).toBe(false);
  });
});
