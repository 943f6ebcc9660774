import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClusterStatus, clusterStatus } from '../../lab/cluster/cluster-status.js';
import { OperatedCluster } from '../../lab/cluster/operated-cluster.js';
import { keptFolder } from '../support/folder.js';
import { NatsCluster } from '../support/nats-cluster.js';
import { startNatsServer } from '../support/nats-server.js';
import { startCommand } from '../support/running-command.js';
import { c2m, c2mHere, type RunningCommand, startC2m } from './c2m.js';

const HOMES = 8;
const NODES = ['node-1', 'node-2'] as const;
type NodeName = (typeof NODES)[number];

interface Node {
  command: RunningCommand;
  adminUrl: string;
  /** Its handlers, which `c2m reload` loads. */
  handlers: string;
}

/** A nats-server, and nodes that share the homes: one cluster for all tests, each of which says which nodes it needs. */
let servers: NatsCluster;
/** Another one, with nothing in it. */
let emptyServers: NatsCluster;
let nats: string;
const running = new Map<NodeName, Node>();

beforeAll(async () => {
  [servers, emptyServers] = await Promise.all([NatsCluster.start(1), NatsCluster.start(1)]);
  [nats = ''] = servers.urls;
});

afterAll(async () => {
  for (const name of NODES) await kill(name);
  await servers.close();
  await emptyServers.close();
});

/** `c2m serve` as a node, once it accepts clients. */
async function startNode(node: NodeName): Promise<void> {
  const folder = keptFolder();
  const handlers = join(folder, 'handlers.mjs');
  const config = join(folder, 'server.yaml');
  writeFileSync(handlers, handlersOf('1'));
  writeFileSync(config, JSON.stringify({ handlers, cluster: { leaseMs: 1000 } }));
  const command = startCommand(process.execPath, [
    ...['dist/cli/c2m.js', 'serve', '--config', config],
    ...['--listen', 'tcp://127.0.0.1:0', '--admin', 'http://127.0.0.1:0'],
    ...['--cluster', nats, '--node', node, '--homes', String(HOMES), '--replicas', '1'],
    ...['--log-level', 'warn'],
  ]);
  const started = { command, adminUrl: '', handlers };
  running.set(node, started);
  command.ended.then(() => {
    if (running.get(node) === started) running.delete(node);
  });
  const [, adminUrl = ''] = await command.said(/admin +(\S+)/);
  started.adminUrl = adminUrl;
}

/** Its workers end with it. */
async function kill(node: NodeName): Promise<void> {
  const command = running.get(node)?.command;
  command?.kill('SIGKILL');
  await command?.ended;
}

function handlersOf(version: string): string {
  return readFileSync('scenarios/handlers/version-2.mjs', 'utf8').replace(
    "version: '2'",
    `version: '${version}'`,
  );
}

/** What the command tells as JSON, without what it takes to start one for each look. */
async function statusNow(): Promise<ClusterStatus> {
  const cluster = await OperatedCluster.open({ nats: { url: nats }, name: 'c2m' });
  try {
    const stats = await cluster.stats();
    return clusterStatus(cluster.name, cluster.table.state, stats, stats);
  } finally {
    await cluster.close();
  }
}

async function metricsOf({ adminUrl }: Node): Promise<string> {
  return (await fetch(`${adminUrl}/metrics`)).text();
}

/** These nodes are there, no others are, and each has its part of the homes. */
async function nodesAre<Names extends NodeName[]>(...names: Names): Promise<{ [K in keyof Names]: Node }> {
  await Promise.all(NODES.filter((name) => !names.includes(name)).map(kill));
  await Promise.all(names.filter((name) => !running.has(name)).map(startNode));
  const look = async () => {
    const { nodes, isServed } = await statusNow();
    return { isServed, nodes: nodes.map(({ node, homes }) => [node, homes]) };
  };
  await expect
    .poll(look, { timeout: 100_000, interval: 200 })
    .toEqual({ isServed: true, nodes: names.map((name) => [name, HOMES / names.length]) });
  return names.map((name) => running.get(name)) as { [K in keyof Names]: Node };
}

describe('a cluster', { timeout: 300_000 }, () => {
  test('says how it is, and moves a home where it is wanted', async () => {
    const nodes = await nodesAre('node-1', 'node-2');
    const { status, stdout } = await c2m('cluster', 'status', '--cluster', nats);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^cluster c2m {3}2 nodes {3}8 homes: all are open {3}1 replica of each log$/m);
    expect(stdout).toMatch(/^node-1 +4 +0 +\S.* 0\.1\.0 /m);
    expect(stdout).toMatch(/^ {2}peer \d; clients at tcp:\/\/127\.0\.0\.1:\d+$/m);

    // Wherever it is, it goes to the other one.
    for (const node of NODES) {
      const moved = await c2mHere('cluster', 'move', '3', node, '--cluster', nats);
      expect(moved.stdout).toBe(
        `home 3 is open at ${node}, and stays there; c2m cluster move 3 --undo ends that\n`,
      );
      expect(moved.status).toBe(0);
    }
    const json = await c2mHere('cluster', 'status', '--cluster', nats, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ isServed: true, pins: [{ home: 3, node: 'node-2' }] });
    expect(await c2mHere('cluster', 'move', '3', '--undo', '--cluster', nats)).toEqual({
      status: 0,
      stdout: 'home 3 is a home like any other again\n',
      stderr: '',
    });
    expect((await statusNow()).pins).toEqual([]);

    const metrics = (await Promise.all(nodes.map(metricsOf))).join('\n');
    expect(metrics).toContain('c2m_cluster_peers{leaving="false"} 2');
    expect(metrics).toContain('c2m_cluster_homes_by_state{state="open"} 8');
    expect(metrics).toContain('c2m_cluster_homes_by_state{state="without_owner"} 0');
    expect(metrics).toContain('c2m_cluster_cut_off{worker="0"} 0');
    expect(metrics).toMatch(/c2m_cluster_homes\{worker="0"\} [345]\n/);
    expect(metrics).toMatch(/c2m_cluster_takeovers_total\{worker="0",handed_on="true"\} [1-9]/);
    expect(metrics).toMatch(/c2m_cluster_takeover_seconds\{handed_on="true"\} 0\.\d+/);
  });

  test('loads handlers anew at both nodes, or at none of them', async () => {
    const nodes = await nodesAre('node-1', 'node-2');
    const versions = async () => {
      const pages = await Promise.all(nodes.map(metricsOf));
      return pages.map((page) => /c2m_handlers_info\{version="(.*)"\}/.exec(page)?.[1]);
    };
    for (const { handlers } of nodes) writeFileSync(handlers, handlersOf('two'));
    const both = await c2mHere('reload', '--cluster', nats);
    expect(both).toEqual({ status: 0, stdout: 'version two is in force at node-1, node-2\n', stderr: '' });
    expect(await versions()).toEqual(['two', 'two']);

    writeFileSync(nodes[0].handlers, handlersOf('three'));
    writeFileSync(nodes[1].handlers, 'throw new Error("no table")');
    const refused = await c2mHere('reload', '--cluster', nats);
    expect([refused.status, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('error: the handlers before stay in force at every node\n');
    expect(refused.stderr).toMatch(/^ {2}node-2: .*no table.*; version two stays in force$/m);
    expect(await versions()).toEqual(['two', 'two']);

    writeFileSync(nodes[1].handlers, handlersOf('four'));
    const different = await c2mHere('reload', '--cluster', nats);
    expect(different.stderr).toContain(
      'the files of the nodes differ: node-1 has version three, node-2 has version four',
    );
    expect(await versions()).toEqual(['two', 'two']);
    expect(nodes[0].command.words()).toContain('handlers not put into force: not all nodes can take them');
  });

  test('has a node drained: it hands its homes over, ends with status 0, and takes homes when it is started again', async () => {
    const nodes = await nodesAre('node-1', 'node-2');
    const drain = await c2mHere('cluster', 'drain', 'node-2', '--cluster', nats);
    expect(drain.stdout).toBe(
      'node-2 is drained: its homes are open elsewhere, it has said goodbye to its clients, and ends with status 0; started again, it takes homes\n',
    );
    expect(drain.stderr).toMatch(/^node-2 has \d homes? left$/m);
    expect(drain.status).toBe(0);
    expect((await nodes[1].command.ended).status).toBe(0);
    expect(await statusNow()).toMatchObject({
      isServed: true,
      unserved: [],
      drains: [],
      nodes: [{ node: 'node-1', homes: HOMES }],
    });

    await nodesAre('node-1', 'node-2');
  });

  test('says of a node that is killed while it is drained that it would leave at once, and not that all is well', async () => {
    await nodesAre('node-1', 'node-2');
    // It is in the table for the rest of its lease.
    await kill('node-2');
    const drain = await c2mHere('cluster', 'drain', 'node-2', '--cluster', nats);
    expect(drain.stdout).toBe(
      'node-2 has gone without a word to its clients, killed perhaps; its homes are open elsewhere. Before it is started again, ' +
        'write c2m cluster drain node-2 --undo, or it leaves at once\n',
    );
    expect(drain.status).toBe(1);
    expect(await statusNow()).toMatchObject({ unserved: [], drains: ['node-2'] });
    expect((await c2mHere('cluster', 'drain', 'node-2', '--undo', '--cluster', nats)).status).toBe(0);
  });

  test('is shown by c2m top, and a node that is killed is missed there and in the status', async () => {
    await nodesAre('node-1', 'node-2');
    const once = await c2mHere('top', '--cluster', nats, '--once');
    expect([once.status, once.stderr]).toEqual([0, '']);
    expect(once.stdout).toMatch(/^cluster c2m {3}2 nodes {3}8 homes: all are open {3}accepted 0\/s/);
    expect(once.stdout).toMatch(/^node-1 +0 +4 +0\/s +\d+ .*bytes$/m);
    expect(once.stdout).toMatch(/home \d (handed on|taken over) in .* ago$/m);
    const lines = startC2m('top', '--cluster', nats, '--interval', '0.25', '--json');
    await lines.said(/\n.*\n/);
    lines.kill('SIGINT');
    const { status, stdout } = await lines.ended;
    expect(status).toBe(0);
    expect(JSON.parse(stdout.split('\n')[1] ?? '')).toMatchObject({
      schema: 'c2m.cluster/1',
      homes: { all: HOMES, open: HOMES },
      stats: { 'node-1': { schema: 'c2m.stats/1' }, 'node-2': { cluster: { node: 'node-2' } } },
    });

    await kill('node-2');
    const [survivor] = await nodesAre('node-1');
    expect(await metricsOf(survivor)).toMatch(
      /c2m_cluster_takeovers_total\{worker="0",handed_on="false"\} [1-9]/,
    );
  });

  test('keeps the homes of a node that nobody can take over from, and takes the wish back', async () => {
    await nodesAre('node-1');
    const drain = startC2m('cluster', 'drain', 'node-1', '--cluster', nats);
    await expect
      .poll(() => drain.words(), { timeout: 100_000 })
      .toContain('node-1 has 8 homes left: no other node takes any, so they stay');
    drain.kill('SIGINT');
    const { status, stdout } = await drain.ended;
    expect([status, stdout]).toEqual([
      130,
      'node-1 goes on being drained; c2m cluster drain node-1 --undo ends that\n',
    ]);
    expect(await statusNow()).toMatchObject({
      drains: ['node-1'],
      nodes: [{ isLeaving: true, homes: HOMES }],
    });
    const undo = await c2mHere('cluster', 'drain', 'node-1', '--undo', '--cluster', nats);
    expect([undo.status, undo.stderr]).toEqual([0, '']);
    await expect
      .poll(async () => (await statusNow()).nodes[0]?.isLeaving, { timeout: 60_000, interval: 200 })
      .toBe(false);
  });

  test('is missed by its nodes: /healthz says that they are cut off, and ends saying so when NATS is back', async () => {
    const [{ adminUrl }] = await nodesAre('node-1');
    const health = async () => {
      const response = await fetch(`${adminUrl}/healthz`);
      return `${response.status} ${await response.text()}`;
    };
    await expect.poll(health, { timeout: 60_000 }).toBe('200 ok\n');
    await servers.kill(0);
    await expect
      .poll(health, { timeout: 100_000 })
      .toBe('503 server worker 0 is cut off from the cluster c2m; it comes in again when it can\n');
    const status = await c2mHere('cluster', 'status', '--cluster', nats);
    expect([status.status, status.stdout]).toEqual([1, '']);
    expect(status.stderr).toContain('nobody listens at');
    await servers.start(0);
    await expect.poll(health, { timeout: 60_000 }).toBe('200 ok\n');
  });
});

describe('what is asked of a cluster and cannot be', { timeout: 180_000 }, () => {
  test('is refused with what there is', async () => {
    const [empty = ''] = emptyServers.urls;
    const none = await c2mHere('cluster', 'status', '--cluster', empty);
    expect(none.status).toBe(1);
    expect(none.stderr).toMatch(
      /^NATS at .* has no cluster "c2m": there is none; say which with --cluster-name\n$/,
    );
    await nodesAre('node-1');
    const other = await c2mHere('cluster', 'drain', 'node-1', '--cluster', nats, '--cluster-name', 'other');
    expect(other.status).toBe(1);
    expect(other.stderr).toContain('has no cluster "other": there is c2m;');
    const wrong: [string[], string][] = [
      [['cluster', 'drain', 'node-9'], 'the cluster has no node "node-9": there is node-1'],
      [['cluster', 'drain', 'node-1', '--undo'], 'nobody wants node-1 to be drained'],
      [['cluster', 'move', '8', 'node-1'], 'there is no home 8: the cluster has 0 to 7'],
      [['cluster', 'move', 'x', 'node-1'], '"x" is no home; write its number'],
      [['cluster', 'move', '1'], 'where is home 1 to go?'],
      [['cluster', 'move', '1', '--undo'], 'nobody wants home 1 to be at a certain node'],
      [['top', 'http://127.0.0.1:1'], 'is one server, and --cluster is all of a cluster'],
      [['reload', 'http://127.0.0.1:1'], 'is one server, and --cluster is all of a cluster'],
    ];
    for (const [argv, words] of wrong) {
      const { status, stdout, stderr } = await c2mHere(...argv, '--cluster', nats);
      expect(stderr).toContain(words);
      expect([status, stdout]).toEqual([2, '']);
    }
  });

  test('is refused where NATS has no JetStream, or where nothing says which NATS', async () => {
    const { endpoint } = await startNatsServer();
    const plain = await c2mHere('cluster', 'status', '--cluster', `nats://127.0.0.1:${endpoint.port}`);
    expect([plain.status, plain.stdout]).toEqual([1, '']);
    expect(plain.stderr).toMatch(
      /^JetStream of NATS at .* does not answer: it has no JetStream, or no leader of it/,
    );
    const missing = await c2mHere('cluster', 'status');
    expect(missing.status).toBe(2);
    expect(missing.stderr).toContain('--cluster is missing');
  });
});
