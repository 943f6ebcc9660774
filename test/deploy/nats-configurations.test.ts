import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { freePort } from '../../lab/cluster/free-ports.js';
import { connectNats, type NatsOptions } from '../../nats/connect.js';
import { environment } from '../hosts/ip.js';
import { signedBy, testAuthority } from '../support/certificates.js';
import { testFolder } from '../support/folder.js';
import { blocksUnder } from '../support/markdown-blocks.js';
import { nkeyUser } from '../support/nats-users.js';
import { natsConfigOf } from './chart-values.js';

const HEADING = 'NATS: who may come in';
const servers = new Set<ReturnType<typeof spawn>>();

afterEach(() => {
  for (const server of servers) server.kill('SIGKILL');
  servers.clear();
});

/** Starts nats-server with a text for configuration, on a free port of loopback. @returns what to give to --nats */
async function startWith(config: string, folder: string, variables: NodeJS.ProcessEnv = {}): Promise<string> {
  const port = await freePort();
  const file = join(folder, 'nats.conf');
  // Certificates are named from the folder that the server is started in.
  writeFileSync(file, config);
  const server = spawn('nats-server', ['--config', file, '--addr', '127.0.0.1', '--port', String(port)], {
    cwd: folder,
    env: { ...environment, ...variables },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  servers.add(server);
  let words = '';
  server.stderr.on('data', (text) => {
    words += text;
  });
  await vi.waitFor(() => expect(words).toContain('Server is ready'), { timeout: 10_000, interval: 20 });
  return `127.0.0.1:${port}`;
}

function configuration(name: string): string {
  const found = blocksUnder(readFileSync('docs/machines.md', 'utf8'), HEADING).find(
    ({ file }) => file === name,
  );
  if (!found) throw new Error(`docs/machines.md has no ${name}`);
  return found.text;
}

/** Connects as the commands do. @returns why that is refused; null: it is let in */
async function refusal(options: NatsOptions): Promise<string | null> {
  try {
    await (await connectNats(options, 'test')).close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

test('the configuration with a token lets in who has it', async () => {
  const url = `nats://${await startWith(configuration('token.conf'), testFolder())}`;
  expect(await refusal({ url, token: 'correct-horse-battery-staple' })).toBe(null);
  expect(await refusal({ url, token: 'another' })).toMatch(/does not take this token/);
});

test('the configuration with an NKEY lets in who has the seed', async () => {
  const [known, stranger] = [nkeyUser(), nkeyUser()];
  const folder = testFolder();
  const config = configuration('nkey.conf').replace(/U[A-Z2-7]{55}/, known.publicKey);
  expect(config).toContain(known.publicKey);
  const url = `nats://${await startWith(config, folder)}`;
  const seed = join(folder, 'seed');
  writeFileSync(seed, known.seed, { mode: 0o600 });
  expect(await refusal({ url, nkeyFile: seed })).toBe(null);
  writeFileSync(seed, stranger.seed);
  expect(await refusal({ url, nkeyFile: seed })).toMatch(/does not know this NKEY/);
});

test('the configuration with TLS lets in who shows a certificate', async () => {
  const folder = testFolder();
  const authority = await testAuthority('the lab');
  const [server, agent] = [await signedBy(authority), await signedBy(authority, 'agent')];
  const files = {
    'ca.pem': authority.cert,
    'server.pem': server.cert,
    'server-key.pem': server.key,
    'agent.pem': agent.cert,
    'agent-key.pem': agent.key,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const url = `tls://${await startWith(configuration('tls.conf'), folder)}`;
  const caFile = join(folder, 'ca.pem');
  const shown = { certificateFile: join(folder, 'agent.pem'), keyFile: join(folder, 'agent-key.pem') };
  expect(await refusal({ url, caFile, ...shown })).toBe(null);
  expect(await refusal({ url, caFile })).toMatch(/wants to see a certificate/);
});

test('every configuration of the guide is one of those above, or of the two laptops', () => {
  const blocks = readFileSync('docs/machines.md', 'utf8').matchAll(/^```\w* (\S+\.conf)$/gm);
  expect([...blocks].map(([, name]) => name)).toEqual([
    'nats.conf',
    'users.conf',
    'token.conf',
    'nkey.conf',
    'tls.conf',
    'cluster.conf',
  ]);
});

test('the values for the chart of NATS take the password from the environment', async () => {
  const { config, variables } = natsConfigOf('deploy/kubernetes/nats-values.yaml');
  expect(variables).toEqual(['C2M_NATS_PASSWORD']);
  const url = `nats://${await startWith(config, testFolder(), { C2M_NATS_PASSWORD: 'p3e5' })}`;
  expect(await refusal({ url, user: 'c2m', password: 'p3e5' })).toBe(null);
  expect(await refusal({ url, user: 'c2m', password: 'other' })).toMatch(/does not take this user/);
});
