import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RunRecord } from '../../record/run.js';
import { c2mHere, startC2m } from './c2m.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-cli-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** Runs 200 clients while `actions` happen. */
async function runWith(
  actions: string,
  target = '{embedded: {workers: 2}}',
  more = '',
  seconds = 6,
): Promise<RunRecord> {
  const file = join(folder, 'actions.yaml');
  await writeFile(
    file,
    `name: actions
target: ${target}
clients: { count: 200, connectRate: 1000/s, reconnectRate: 2000/s }
messages: { size: 3KiB }
${more}
phases: [{ name: talk, duration: ${seconds}s, rate: 200/s }]
actions: ${actions}
`,
  );
  const out = join(folder, 'record');
  const { stderr } = await c2mHere('run', file, '--out', out, '--quiet');
  expect(stderr).toBe('');
  return JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as RunRecord;
}

describe('while a scenario runs', () => {
  test('processes of the server are killed, and nothing that was accepted is missing', async () => {
    const record = await runWith(
      '[{at: 1s, do: kill-worker, every: 2s, times: 3}]',
      '{embedded: {workers: 2}}',
      'groups: { members: 5, share: 30% }',
    );

    expect(record.marks.map(({ label }) => label.replace(/\d/, 'N'))).toEqual(
      new Array(3).fill('kill worker N'),
    );
    expect(record.connections.reconnects).toBeGreaterThan(100);
    expect(record.groups?.messages).toBeGreaterThan(200);
    expect(record.messages).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0 });
    // Where a receipt came on a new connection, the ACCEPTED that was lost with the old one is not sent again.
    const { accepted, impliedAccepted, receipted } = record.messages;
    expect(receipted).toBe((accepted ?? 0) + (impliedAccepted ?? 0));
  });

  test('the whole server is killed and started again on its mailboxes and its media', async () => {
    // Where its processes put what is theirs: nothing may be left there by those that were killed.
    const temporary = join(folder, 'tmp');
    await mkdir(temporary);
    vi.stubEnv('TMPDIR', temporary);
    // The folder in which the runs of a user listen stays.
    const runtime = join(folder, 'runtime');
    await mkdir(runtime, { mode: 0o700 });
    vi.stubEnv('XDG_RUNTIME_DIR', runtime);
    // By its seed no upload falls due from 0.7 s to 1.7 s: one that is killed between its content and its entry is logged.
    const record = await runWith(
      '[{at: 1s, do: kill-server}]',
      'embedded',
      'media: { uploads: 5/s, downloads: 10/s, size: 10KiB }',
      // Busy machines take a few to start the server again.
      10,
    );

    expect(record.marks.map(({ label }) => label)).toEqual(['kill server']);
    expect(record.connections.reconnects).toBe(200);
    expect(await readdir(temporary)).toEqual([]);
    expect(record.messages).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, refused: 0 });
    expect(record.messages.receipted).toBe(record.messages.sent);
    expect(record.media?.uploads.count).toBeGreaterThan(5);
    expect(record.media?.downloads.latency.p99).toBeGreaterThan(0);
  });

  test('clients are cut off and hang, and have everything in the end', async () => {
    const record = await runWith(
      '[{at: 1s, do: pause, share: 20%, for: 2s}, {at: 2s, do: cut, share: 50%}]',
      '{embedded: {workers: 2}}',
      '',
      4,
    );

    expect(record.marks.map(({ label }) => label)).toEqual(['pause 20 %', 'cut 50 %']);
    expect(record.connections.dropped).toBe(0);
    expect(record.connections.reconnects).toBeGreaterThan(50);
    expect(record.messages).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, refused: 0 });
  });

  test('an action that cannot be done is told, and the run goes on', async () => {
    const record = await runWith('[{at: 1s, do: kill-worker}]', '{embedded: {workers: 1}}', '', 2);

    expect(record.marks.map(({ label }) => label)).toEqual(['kill-worker failed']);
    expect(record.notes).toEqual([
      expect.stringMatching(/the only worker is the server itself; write .*workers: 2/),
    ]);
    expect(record.messages.lost).toBe(0);
  });
});

describe('a server that runs', () => {
  test('is looked at with top, and loads its handlers anew on reload and on SIGHUP', async () => {
    const config = join(folder, 'server.yaml');
    await writeFile(config, `store: memory\nmedia: { port: 0, folder: ${join(folder, 'media')} }\n`);
    const server = startC2m(
      'serve',
      '--config',
      config,
      '--listen',
      'tcp://127.0.0.1:0',
      '--admin',
      'http://127.0.0.1:0',
    );
    const [, url = ''] = await server.said(/admin +(http:\/\/[\d.:]+)/);

    const top = await c2mHere('top', url, '--once', '--interval', '0.3');
    expect(top.stdout).toMatch(/0 connections +0 items in memory +handlers 1 +no restart/);
    expect(top.stdout).toMatch(/mailbox-writes +0 +0 ms +0\/s/);
    expect(
      JSON.parse((await c2mHere('top', url, '--once', '--json')).stdout.split('\n')[0] ?? ''),
    ).toMatchObject({
      schema: 'c2m.stats/1',
    });
    expect(await c2mHere('reload', url)).toMatchObject({ status: 0, stdout: 'version 1 is in force\n' });
    const loads = async () =>
      ((await (await fetch(`${url}/stats`)).json()) as { handlers: { loads: number } }).handlers.loads;
    expect(await loads()).toBe(2);
    server.kill('SIGHUP');
    await expect.poll(loads).toBe(3);
    server.kill('SIGTERM');
    expect((await server.ended).status).toBe(0);
  });

  test.each(['top', 'reload'])(
    'that is not there is told of by %s, with what to look for',
    async (command) => {
      const { status, stderr } = await c2mHere(command, 'http://127.0.0.1:9');
      expect(status).toBe(2);
      expect(stderr).toMatch(
        /the admin port http:\/\/127\.0\.0\.1:9 does not answer .*is the server running/,
      );
    },
  );
});
