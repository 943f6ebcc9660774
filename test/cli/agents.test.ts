import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { testFolder } from '../support/folder.js';
import { announce, urlOf } from '../support/lent-machines.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';
import { c2m, c2mHere, startC2m } from './c2m.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

async function lend(server: NatsServer, name: string, ...more: string[]): Promise<void> {
  await startC2m('agent', '--nats', urlOf(server), '--name', name, ...more).said(/ lends /);
}

/** A scenario against this target, with this part `agents`. */
async function scenario(target: unknown, agents: object = {}): Promise<string> {
  const file = join(testFolder(), 'mine.yaml');
  const text = `name: mine
target: ${JSON.stringify(target)}
clients: { count: 10, connectRate: 100/s }
phases: [{ name: talk, duration: 1s, rate: 10/s }]
agents: ${JSON.stringify(agents)}
`;
  await writeFile(file, text);
  return file;
}

describe('c2m agents', () => {
  test('lists who is there, what they hold, where they send load, and which run has them', async () => {
    const server = await startNatsServer();
    await lend(server, 'a', '--label', 'eu', '--label', 'large', '--allow', '203.0.113.0/24');
    await announce(server, { id: 'b', name: 'b', version, busy: { run: 'abc', words: 'chat of ada@there' } });
    await announce(server, { id: 'c', name: 'c', version: '9.9.9' });
    const { stdout, stderr, status } = await c2mHere('agents', '--nats', urlOf(server));
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^Machine +c2m +cores +free memory +sockets +packets$/);
    const at = (name: string): number => lines.findIndex((line) => line.startsWith(`${name} `));
    expect(lines[at('a')]).toMatch(new RegExp(`^a +${version} +\\d+ +[\\d.]+ [KMG]iB +about [\\d,]+ `));
    const ofA = lines.slice(at('a'), at('b')).join('\n');
    expect(ofA).toMatch(/run +none: it is free/);
    expect(ofA).toMatch(/labels +eu, large/);
    expect(ofA).toMatch(/loads +its own loopback, 203\.0\.113\.0\/24/);
    expect(lines.slice(at('b'), at('c')).join('\n')).toMatch(/run +chat of ada@there/);
    expect(lines.slice(at('c')).join('\n')).toMatch(/another version than this one/);
  });

  test('gives the same to programs', async () => {
    const server = await startNatsServer();
    await lend(server, 'a', '--label', 'eu');
    const { stdout } = await c2mHere('agents', '--nats', urlOf(server), '--json');
    const [machine, ...others] = JSON.parse(stdout);
    expect(others).toEqual([]);
    expect(machine).toMatchObject({ name: 'a', version, labels: ['eu'], busy: null, isSameVersion: true });
    expect(machine.clients.sockets).toBeGreaterThan(1000);
    // It was not lent with --packets.
    expect(machine.clients.packets).toBe(0);
  });

  test('ends with 1, and says what to do, where nobody is there', async () => {
    const server = await startNatsServer();
    const { stdout, stderr, status } = await c2mHere('agents', '--nats', urlOf(server), '--wait', '0.5');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^no machine has answered; start `c2m agent --nats`/);
  });

  test('is told a time that is none', async () => {
    const { stderr, status } = await c2mHere('agents', '--nats', 'nats://127.0.0.1:1', '--wait', 'long');
    expect([status, stderr]).toEqual([2, '--wait: "long" is not a time; write seconds, such as 2\n']);
  });
});

describe('c2m run --agents refuses, before it looks for anybody,', () => {
  const nowhere = ['--agents', 'nats://127.0.0.1:1'];

  test('a server that it would have to start itself', async () => {
    const { stderr, status } = await c2mHere('run', await scenario('embedded'), ...nowhere);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^agents: target: embedded starts a server that listens on this machine alone/);
    expect(stderr).toContain('c2m serve --listen tcp://0.0.0.0:4000');
  });

  test.each([
    'tcp://127.0.0.1:4000',
    'ws://localhost:4000/x',
    'tcp://[::1]:4000',
    // What resolves to it, as a machine's own name may, and whatever address the machine has.
    'tcp://127.1:4000',
    'tcp://0.0.0.0:4000',
  ])('the address %s, which is another machine on each', async (address) => {
    const target = { addresses: [address], allow: ['127.1', '0.0.0.0'] };
    const { stderr, status } = await c2mHere('run', await scenario(target), ...nowhere);
    expect(status).toBe(2);
    expect(stderr).toContain(`agents: target.addresses: ${address} is each agent's own machine`);
  });

  test('the same where the scenario itself says that others simulate the clients', async () => {
    const file = await scenario('tcp://127.0.0.1:4000', { nats: 'nats://127.0.0.1:1' });
    const { stderr, status } = await c2mHere('run', file);
    expect([status, stderr]).toEqual([2, expect.stringContaining("is each agent's own machine")]);
  });
});

describe('c2m run --agents', () => {
  const target = { addresses: ['tcp://203.0.113.9:4000'], allow: ['203.0.113.9'] };

  test('ends with 1 and starts nothing where NATS is not there', async () => {
    const out = join(testFolder(), 'record');
    const file = await scenario(target);
    const { stderr, status } = await c2mHere('run', file, '--agents', 'nats://127.0.0.1:1', '--out', out);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^nobody listens at nats:\/\/127.0.0.1:1 \(ECONNREFUSED\)/);
    expect(() => readFileSync(join(out, 'run.json'))).toThrow('ENOENT');
  });

  test('says whom it waits for, and ends with 130 when that is interrupted', async () => {
    const server = await startNatsServer();
    const file = await scenario(target, { atLeast: 2, wait: '60s' });
    const run = startC2m('run', file, '--agents', urlOf(server));
    await run.said(/waiting for machines: 0 of at least 2 machines are there/);
    run.kill('SIGINT');
    expect(await run.ended).toMatchObject({ status: 130, stderr: '' });
  });

  test('so does a plan of it that is interrupted, which nobody has seen', async () => {
    const server = await startNatsServer();
    const file = await scenario(target, { atLeast: 2, wait: '60s' });
    const plan = startC2m('run', file, '--agents', urlOf(server), '--dry-run');
    await expect.poll(plan.words, { timeout: 30_000 }).toMatch(/waiting for machines: 0 of at least 2/);
    plan.kill('SIGINT');
    expect(await plan.ended).toMatchObject({ status: 130, stdout: '' });
  });

  test('ends with 1, and with the words of the machine, where that does not let load go there', async () => {
    const server = await startNatsServer();
    await lend(server, 'careful');
    const file = await scenario(target);
    const { stderr, status } = await c2mHere(
      'run',
      file,
      '--agents',
      urlOf(server),
      '--out',
      join(testFolder(), 'r'),
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/not every agent can begin: agent 0 on careful ended \(.*203\.0\.113\.9/);
  });
});

describe('what NATS needs', () => {
  /** Every process of this test, agents and servers too, ends as soon as it loads something of it. */
  async function withoutNats(): Promise<void> {
    const folder = testFolder();
    const hooks = join(folder, 'hooks.mjs');
    await writeFile(
      hooks,
      `export async function resolve(specifier, context, next) {
         if (specifier.includes('@nats-io')) throw new Error('not installed: ' + specifier);
         return next(specifier, context);
       }`,
    );
    const register = join(folder, 'register.mjs');
    await writeFile(
      register,
      `import { register } from 'node:module'; register(${JSON.stringify(`file://${hooks}`)});`,
    );
    vi.stubEnv('NODE_OPTIONS', `--import file://${register}`);
  }
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('is not loaded by a run on this machine', async () => {
    await withoutNats();
    const out = join(testFolder(), 'record');
    const brief = [
      ...['clients.count=20', 'generator.lagLimit=1m', 'gates=["messages.lost == 0"]'],
      'phases=[{name: talk, duration: 1s, rate: 100/s}]',
    ].flatMap((each) => ['--set', each]);
    const { stderr, status } = await c2m('run', 'ci-smoke', ...brief, '--out', out);
    expect([stderr, status]).toEqual(['', 0]);
  });

  test('is loaded by whoever speaks to it', async () => {
    await withoutNats();
    const { stderr } = await c2m('agents', '--nats', 'nats://127.0.0.1:1');
    expect(stderr).toContain('not installed: @nats-io/transport-node');
  });
});
