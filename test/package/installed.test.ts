import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { keptFolder } from '../support/folder.js';
import type { Ended } from '../support/running-command.js';
import { install, makeTypes, otherNodes, pack } from './installation.js';

/** A project that has installed c2m and nothing else. */
let project: string;
let saidOfTypes: string;
beforeAll(async () => {
  saidOfTypes = makeTypes();
  project = join(keptFolder(), 'project');
  mkdirSync(project);
  await install(project, await pack(keptFolder()));
  writeFileSync(join(project, 'tiny.yaml'), TINY);
  writeFileSync(join(project, 'tiny.js'), PROGRAM);
}, 180_000);

/** Mailboxes on disk, so that the native parts are used. How fast this machine is on that day decides nothing here. */
const TINY = `
name: tiny
target: { embedded: { store: lmdb } }
clients: { count: 20 }
phases: [{ name: talk, duration: 500ms, rate: 50/s }]
generator: { lagLimit: 1m, agents: 1 }
gates: [messages.lost == 0, connections.peak == 20]
`;

/** What a project would write, from importing it to what it returns. */
const PROGRAM = `
import { runScenario } from 'c2m';
const set = { 'target.embedded.store': 'memory' };
const { passed, problems, record } = await runScenario('tiny.yaml', { set, folder: process.argv[2] });
console.log(JSON.stringify({ passed, problems, node: record.environment.node, store: record.target.store }));
`;

function execute(program: string, ...argv: string[]): Promise<Ended> {
  return new Promise((done) => {
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
    execFile(program, argv, { cwd: project, env }, (error, stdout, stderr) => {
      done({ status: error ? ((error.code as number | undefined) ?? null) : 0, stdout, stderr });
    });
  });
}

const node = (...argv: string[]): Promise<Ended> => execute(process.execPath, ...argv);
const C2M = 'node_modules/c2m/dist/cli/c2m.js';

async function runsOn(program: string, name: string): Promise<[Ended, Ended]> {
  return Promise.all([
    execute(program, C2M, 'run', 'tiny.yaml', '--out', `${name}-cli`, '--quiet'),
    execute(program, 'tiny.js', `${name}-api`),
  ]);
}

test('the report of the public API in the tree is that of the code', () => {
  expect(saidOfTypes).toBe('');
});

describe('installed into a project that has nothing else, c2m', () => {
  test('runs a scenario by its command and by its API', async () => {
    const [cli, api] = await runsOn(process.execPath, 'here');
    expect(cli.stderr).toBe('');
    expect(cli.stdout).toContain('PASSED');
    expect(cli.status).toBe(0);
    expect(readdirSync(join(project, 'here-cli'))).toEqual(
      expect.arrayContaining(['junit.xml', 'report.html', 'run.json', 'summary.md']),
    );
    expect(api.stderr).toBe('');
    expect(JSON.parse(api.stdout)).toMatchObject({ passed: true, problems: [], store: 'memory' });
  });

  test('is the command c2m, which knows its scenarios and its native parts', async () => {
    const program = join('node_modules', '.bin', 'c2m');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect((await execute(program, '--version')).stdout.trim()).toBe(version);
    const scenarios = JSON.parse((await execute(program, 'scenarios', '--json')).stdout);
    expect(scenarios.map(({ name }: { name: string }) => name)).toContain('ci-smoke');
    const doctor = JSON.parse((await execute(program, 'doctor', 'hot-reload', '--json')).stdout);
    expect(doctor.parts).toEqual([
      { part: 'lmdb', missing: null },
      { part: 'koffi', missing: null },
      { part: 'sharp', missing: null },
    ]);
  });

  test('gates a server in a suite of node:test, as its example does', async () => {
    cpSync(join(project, 'node_modules/c2m/examples/gate-in-your-tests'), join(project, 'gate'), {
      recursive: true,
    });
    const { status, stdout, stderr } = await node('--test', 'gate/chat-load.test.js');
    expect(stdout + stderr).toContain('pass 2');
    expect(status).toBe(0);
  });

  test('has types that a strict project can use', async () => {
    writeFileSync(join(project, 'typed.ts'), TYPED);
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
    const module = [
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2023',
      '--noEmit',
      '--ignoreConfig',
    ];
    const types = ['--types', 'node', '--typeRoots', resolve('node_modules/@types')];
    const tsc = resolve('node_modules/typescript/bin/tsc');
    const { status, stdout } = await node(tsc, ...strict, ...module, ...types, 'typed.ts');
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  test('ships no code that wants what only its own repository has', () => {
    expect(existsSync(join(project, 'node_modules/vitest'))).toBe(false);
    expect(existsSync(join(project, 'node_modules/typescript'))).toBe(false);
    expect(existsSync(join(project, 'node_modules/c2m/record/run.schema.json'))).toBe(true);
  });
});

const TYPED = `
import { compare, defineDriver, isC2mError, readRecord, runScenario, startServer } from 'c2m';

export const driver = defineDriver<{ room: string }>({
  settings: { parse: (value) => ({ room: String(value) }) },
  promises: ({ room }) => ({ accepted: room !== '' }),
  create: ({ room }, { firstUser }, events) => ({
    opened: (client, out) => out.writeText(\`\${room} \${firstUser + client}\`),
    received: (client, bytes) => (events.loggedIn(client), bytes.length),
    writeMessage: (_client, _to, _sequence, payload, out) => out.write(payload),
  }),
});
export const adapter = defineDriver({
  carriers: ['ws'],
  connect: async ({ user }) => ({ send: () => user, onMessage: () => undefined, close: () => undefined }),
});
// @ts-expect-error: no such promise
defineDriver({ promises: { acepted: true }, create: () => ({ opened() {}, received: () => 0, writeMessage() {} }) });

const server = await startServer({ listen: ['tcp://127.0.0.1:0'], store: 'memory', limits: { groupMembers: 8 } });
try {
  const signal = AbortSignal.timeout(1000);
  const { record, problems } = await runScenario('ci-smoke', { set: { target: server.addresses[0] }, signal });
  const p99: number | null = record.latency.delivered.p99;
  const { outcome, figures } = await compare('before', [record, await readRecord('after')]);
  const worse: string[] = figures.filter(({ verdict }) => verdict === 'worse').map(({ label }) => label);
  console.log(p99, problems, outcome, worse);
} catch (error) {
  if (isC2mError(error) && error.code === 'C2M_SCENARIO') console.log(error.issues[0]?.place);
  // @ts-expect-error: no such code
  if (isC2mError(error) && error.code === 'C2M_SCENARIOS') throw error;
}
`;

describe('on other versions of Node', () => {
  test('it runs a scenario by its command and by its API', async ({ skip }) => {
    const nodes = await otherNodes();
    if (typeof nodes === 'string') {
      console.warn(`not tried: ${nodes}`);
      skip(nodes);
      return;
    }
    expect(nodes.map(({ version }) => version.split('.')[0])).toEqual(['v20', 'v22', 'v24']);
    for (const { version, program } of nodes) {
      const [cli, api] = await runsOn(program, version);
      expect(`${version}: ${cli.stderr}${api.stderr}`).toBe(`${version}: `);
      expect(cli.status).toBe(0);
      expect(JSON.parse(api.stdout)).toMatchObject({ passed: true, node: version });
    }
  }, 300_000);
});

/** A server with media, and a picture for it. */
const PICTURE = `
import { createHash } from 'node:crypto';
import { startServer } from 'c2m';
const server = await startServer({
  listen: ['tcp://127.0.0.1:0'], store: 'memory', admin: null, logLevel: 'warn',
  media: { port: 0, folder: 'pictures', keepFreeBytes: 0 },
});
const body = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const url = \`\${server.mediaUrl}/media/\${createHash('sha256').update(body).digest('hex')}\`;
const headers = { authorization: \`Basic \${btoa('1:')}\`, 'content-type': 'image/gif' };
const answers = [];
for (const method of ['PUT', 'GET']) {
  const answer = await fetch(url, { method, headers, ...(method === 'PUT' && { body }) });
  answers.push(answer.status, method === 'PUT' ? (await answer.json()).thumbnail : (await answer.arrayBuffer()).byteLength);
}
await server.close();
console.log(JSON.stringify(answers));
`;

describe('without its native parts', () => {
  const without = (...parts: string[]): void => {
    for (const part of parts) rmSync(join(project, 'node_modules', part), { recursive: true });
  };

  test('the server keeps pictures without thumbnails', async () => {
    writeFileSync(join(project, 'picture.js'), PICTURE);
    const [status, thumbnail] = JSON.parse((await node('picture.js')).stdout);
    expect([status, typeof thumbnail]).toEqual([201, 'string']);
    rmSync(join(project, 'pictures'), { recursive: true });
    without('sharp');
    const { stdout, stderr } = await node('picture.js');
    expect(JSON.parse(stdout)).toEqual([201, null, 200, 42]);
    expect(stderr).toContain(
      'pictures are kept without thumbnails: sharp is missing here (it is not installed)',
    );
  });

  test('a run needs none of them, nor what its scenario does not use', async () => {
    without('koffi', 'lmdb', '@fastify', '@nats-io', 'fastify', 'mqtt-packet', 'saxes', 'selfsigned');
    const { stdout, stderr } = await node('tiny.js', 'without-api');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ passed: true, store: 'memory' });
  });

  test.each([
    ['a run with mailboxes on disk', ['run', 'tiny.yaml'], 'lmdb is missing here (it is not installed)'],
    [
      'a server with mailboxes on disk',
      ['serve', '--listen', 'tcp://127.0.0.1:0'],
      'c2m serve --store memory',
    ],
    ['a run with media', ['run', 'media-sharing'], 'sharp is missing here'],
    ['a run over packets', ['run', 'packets.yaml'], 'koffi is missing here'],
  ])('%s says what is missing, and what can be done', async (_, argv, words) => {
    const packets = 'generator: { transport: packets, ';
    writeFileSync(
      join(project, 'packets.yaml'),
      TINY.replace('lmdb', 'memory').replace('generator: { ', packets),
    );
    const { status, stderr } = await node(C2M, ...argv);
    expect(stderr).toContain(words);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(1);
    expect(readdirSync(project).filter((file) => file === 'c2m-data')).toEqual([]);
    expect(existsSync(join(project, 'runs')) ? readdirSync(join(project, 'runs')) : []).toEqual([]);
  });

  test('the doctor names each of them', async () => {
    const { stdout, status } = await node(C2M, 'doctor');
    expect(stdout.match(/missing \(it is not installed\)/g)).toHaveLength(3);
    expect(status).toBe(0);
  });
});
