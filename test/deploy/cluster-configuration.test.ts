import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { freePort } from '../../lab/cluster/free-ports.js';
import { connectNats } from '../../nats/connect.js';
import { parseServerConfig } from '../../server/config.js';
import { c2mHere } from '../cli/c2m.js';
import { signedBy, testAuthority } from '../support/certificates.js';
import { testFolder } from '../support/folder.js';
import { blocksUnder } from '../support/markdown-blocks.js';
import { type RunningCommand, startCommand } from '../support/running-command.js';

const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
const SERVERS = 3;
const servers = new Set<ChildProcess>();
const commands = new Set<RunningCommand>();

afterEach(async () => {
  for (const command of commands) command.kill('SIGKILL');
  await Promise.all([...commands].map(({ ended }) => ended));
  commands.clear();
  for (const server of servers) {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }
  servers.clear();
});

interface Ports {
  client: number;
  route: number;
  monitor: number;
}

function blockOf(name: string): string {
  const found = blocksUnder(readFileSync('docs/machines.md', 'utf8'), 'A cluster').find(
    ({ file }) => file === name,
  );
  if (!found) throw new Error(`docs/machines.md has no ${name}`);
  return found.text;
}

/** The configuration of the guide, for servers of this machine: other addresses and folders, and nothing else. */
function configurationOf(index: number, all: readonly Ports[], folder: string): string {
  const { client, route, monitor } = all[index] as Ports;
  const replacements: [string, string][] = [
    ['server_name: "nats-1"', `server_name: "nats-${index + 1}"`],
    ['"0.0.0.0:4222"', `"127.0.0.1:${client}"`],
    ['"127.0.0.1:8222"', `"127.0.0.1:${monitor}"`],
    ['"0.0.0.0:6222"', `"127.0.0.1:${route}"`],
    ['"/var/lib/nats"', `"${join(folder, `data-${index}`)}"`],
    ...all.map(({ route: port }, other): [string, string] => [
      `10.0.0.1${other + 1}:6222`,
      `127.0.0.1:${port}`,
    ]),
  ];
  let text = blockOf('cluster.conf');
  for (const [before, after] of replacements) {
    expect(text).toContain(before);
    text = text.replace(before, after);
  }
  return text;
}

/** @returns what to give to --cluster */
async function startServers(folder: string): Promise<string> {
  const authority = await testAuthority('the cluster');
  const server = await signedBy(authority);
  const files = { 'ca.pem': authority.cert, 'server.pem': server.cert, 'server-key.pem': server.key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const all: Ports[] = [];
  for (let index = 0; index < SERVERS; index += 1)
    all.push({ client: await freePort(), route: await freePort(), monitor: await freePort() });
  for (const index of all.keys()) {
    mkdirSync(join(folder, `data-${index}`));
    const file = join(folder, `nats-${index}.conf`);
    writeFileSync(file, configurationOf(index, all, folder));
    const checked = spawnSync('nats-server', ['-t', '-c', file], { cwd: folder, env: environment });
    expect(checked.stderr.toString()).toContain('is valid');
    // Certificates are named from the folder that the server is started in.
    const child = spawn('nats-server', ['-c', file], { cwd: folder, env: environment, stdio: 'ignore' });
    servers.add(child);
  }
  const takesClients = async ({ monitor }: Ports) => {
    // The other pages are there before it listens for clients.
    const health = await fetch(`http://127.0.0.1:${monitor}/healthz?js-enabled=true`);
    expect(health.status).toBe(200);
    const response = await fetch(`http://127.0.0.1:${monitor}/jsz`);
    const { meta_cluster: meta } = (await response.json()) as {
      meta_cluster?: { leader?: string; cluster_size?: number };
    };
    expect(meta?.leader).toBeTruthy();
    expect(meta?.cluster_size).toBe(SERVERS);
  };
  for (const ports of all) await vi.waitFor(() => takesClients(ports), { timeout: 60_000, interval: 100 });
  return all.map(({ client }) => `tls://127.0.0.1:${client}`).join(',');
}

const PASSWORDS = { node: 'correct-horse-battery', operator: 'staple-of-another-horse' };

/** What NATS has to know of a user, for the environment. */
function identity(folder: string, user: keyof typeof PASSWORDS) {
  return {
    C2M_NATS_USER: user,
    C2M_NATS_PASSWORD: PASSWORDS[user],
    C2M_NATS_CA: join(folder, 'ca.pem'),
  };
}

function startNode(folder: string, ...argv: string[]): RunningCommand {
  const command = startCommand(process.execPath, ['dist/cli/c2m.js', ...argv], {
    environment: { ...environment, ...identity(folder, 'node') },
  });
  commands.add(command);
  return command;
}

test('the settings of a node in the guide are those of a node', () => {
  const { cluster } = parseServerConfig(parse(blockOf('server.yaml')));
  expect(cluster).toMatchObject({ name: 'prod', homes: 64, replicas: 3, nats: { user: 'node' } });
});

test('the configuration of the guide carries a cluster: its nodes and its operator have the rights that they need', {
  timeout: 300_000,
}, async () => {
  const folder = testFolder();
  const place = ['--cluster', await startServers(folder), '--cluster-name', 'prod'];
  const serve = ['serve', ...place, '--homes', '4', '--replicas', '3', '--listen', 'tcp://127.0.0.1:0'];
  const nodes = ['node-1', 'node-2'].map((node) =>
    startNode(folder, ...serve, '--node', node, '--admin', 'off', '--log-level', 'warn'),
  );
  await Promise.all(nodes.map((node) => node.said(/mailboxes/)));
  for (const [name, value] of Object.entries(identity(folder, 'operator'))) vi.stubEnv(name, value);
  const operator = (...argv: string[]) => c2mHere(...argv, ...place);
  await expect
    .poll(() => operator('cluster', 'status'), { timeout: 120_000, interval: 100 })
    .toMatchObject({ status: 0, stderr: '' });
  expect((await operator('cluster', 'move', '1', 'node-2')).status).toBe(0);
  expect(await operator('reload')).toMatchObject({
    status: 0,
    stdout: 'version 1 is in force at node-1, node-2\n',
  });
  expect((await operator('top', '--once')).stdout).toContain('4 homes: all are open');
  expect((await operator('cluster', 'drain', 'node-1')).status).toBe(0);
  expect(await nodes[0]?.ended).toMatchObject({ status: 0 });
  expect((await operator('cluster', 'status')).stdout).toMatch(/^node-2 +4 /m);
  for (const node of nodes) expect(node.words()).not.toMatch(/permission|not allowed/i);

  // What is a node's to write an operator cannot.
  const [url = ''] = (place[1] as string).split(',');
  const connection = await connectNats(
    {
      url,
      user: 'operator',
      password: PASSWORDS.operator,
      caFile: join(folder, 'ca.pem'),
    },
    'test',
  );
  const refused = (async () => {
    for await (const status of connection.status()) if (status.type === 'error') return status.error.message;
    return '';
  })();
  connection.publish('$KV.c2m-prod.home.1', '{}');
  await connection.flush();
  expect(await refused).toMatch(/Permissions Violation for Publish to "\$KV\.c2m-prod\.home\.1"/i);
  await connection.close();
});
