import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTimeline } from '../../record/folder.js';
import { type RunRecord, runRecordSchema } from '../../record/run.js';
import { startWrongServer } from '../fixtures/wrong-server.js';
import { canSendPackets } from '../support/packets.js';
import { c2m, c2mHere, startC2m } from './c2m.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-cli-'));
});
afterEach(() => rm(folder, { recursive: true }));

const RECORD = ['junit.xml', 'latency.hlog', 'report.html', 'run.json', 'summary.md', 'timeline.ndjson'];
/** Less of ci-smoke: what a test of the command needs. */
const BRIEF = [
  '--set',
  'clients.count=100',
  '--set',
  'target=embedded',
  '--set',
  'gates=["messages.lost == 0"]',
  // How fast this machine is on that day decides nothing here.
  '--set',
  'generator.lagLimit=1m',
];
/** Until somebody ends it. */
const LONG = ['--set', 'phases.talk.duration=60s', '--set', 'clients.count=50'];

async function recordIn(out: string): Promise<RunRecord> {
  return runRecordSchema.parse(JSON.parse(await readFile(join(out, 'run.json'), 'utf8')));
}

/** Pids of this group of processes that are alive: those of the command and of all that it started. */
async function processesUnder(pid: number): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // A process may end while its file is read.
    const status = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const [state, parent] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    if (Number(parent) === pid && state !== 'Z')
      found.push(Number(entry), ...(await processesUnder(Number(entry))));
  }
  return found;
}

/** Of them, the server: which of them began first their numbers do not tell. */
async function serverUnder(pid: number): Promise<number> {
  for (const each of await processesUnder(pid)) {
    const command = await readFile(`/proc/${each}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('dist/server/')) return each;
  }
  throw new Error('there is no server');
}

/** Where a process puts its temporary files, as it was told. */
async function temporaryFolderOf(pid: number): Promise<string> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
  return /(?:^|\0)TMPDIR=([^\0]*)/.exec(environment)?.[1] ?? '';
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

describe('c2m run', () => {
  test('starts the server that a scenario embeds, runs it, and ends with 0 where every gate held', async () => {
    const unhurried = ['generator.lagLimit=1m', 'gates.5=latency.connect.p99 < 60s'];
    const { status, stdout, stderr } = await c2m(
      ...['run', 'ci-smoke', '--out', join(folder, 'record')],
      ...unhurried.flatMap((each) => ['--set', each]),
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^phase connect\n/);
    expect(stdout).toMatch(/PASSED {3}record \(ci-smoke, 500 connections, /);
    expect(stdout).toMatch(/^ {2}(Nothing gave way|First to leave its normal range)/m);
    expect(stdout).toContain(join(folder, 'record', 'report.html'));
    expect((await readdir(join(folder, 'record'))).sort()).toEqual(RECORD);
    const record = await recordIn(join(folder, 'record'));
    expect(record.verdict).toBe('passed');
    expect(record.target).toMatchObject({ kind: 'embedded', serverWorkers: 2 });
    expect(record.messages.delivered).toBe(record.messages.sent);
  });

  test('ends with 99 where a gate was missed, and prints nothing but run.json with --json', async () => {
    const gates = 'gates=["messages.lost == 0", "latency.accepted.p50 < 1us"]';
    const { status, stdout, stderr } = await c2mHere(
      ...['run', 'ci-smoke', '--json', '--out', join(folder, 'record'), ...BRIEF, '--set', gates],
      ...['--set', 'phases=[{name: talk, duration: 1s, rate: 300/s}]'],
    );
    expect(status).toBe(99);
    expect(stderr).toBe('');
    const record = runRecordSchema.parse(JSON.parse(stdout));
    expect(record.gates.map(({ passed }) => passed)).toEqual([true, false]);
    expect(record).toEqual(await recordIn(join(folder, 'record')));
  });

  test('ends with 1 at once where nothing listens, with the address and the reason', async () => {
    const out = join(folder, 'record');
    const { status, stderr } = await c2mHere(
      'run',
      'ci-smoke',
      '--out',
      out,
      '--set',
      'target=tcp://127.0.0.1:9',
    );
    expect(status).toBe(1);
    expect(stderr).toContain('nothing listens at tcp://127.0.0.1:9 (ECONNREFUSED)');
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });

  test('ends with 1 where nobody could log in, and keeps the record of the attempt', async () => {
    const server = await startWrongServer({ silence: 'always' });
    const out = join(folder, 'record');
    const address = `tcp://127.0.0.1:${server.address.port}`;
    const { status, stderr } = await c2mHere(
      ...['run', 'ci-smoke', '--out', out, ...BRIEF],
      ...[
        '--set',
        `target=${address}`,
        '--set',
        'clients.connectTimeout=200ms',
        '--set',
        'generator.drain=0s',
      ],
    );
    await server.close();
    expect(stderr).toMatch(new RegExp(`^no client could log in at ${address}: \\d+ × ConnectTimeout`, 'm'));
    expect(status).toBe(1);
    expect((await readdir(out)).sort()).toEqual(RECORD);
    expect((await recordIn(out)).verdict).toBe('partial');
  });

  test.skipIf(!canSendPackets)('over packets says the same of a run as over sockets', async () => {
    const calm = [...BRIEF, '--set', 'phases=[{name: talk, duration: 1s, rate: 300/s}]', '--quiet'];
    const ledgers = [];
    for (const transport of ['sockets', 'packets']) {
      const out = join(folder, transport);
      const run = transport === 'sockets' ? c2mHere : c2m;
      const { status, stderr } = await run(
        ...['run', 'ci-smoke', '--out', out, '--set', `generator.transport=${transport}`, ...calm],
      );
      expect(stderr).toBe('');
      expect(status).toBe(0);
      const { messages, connections } = await recordIn(out);
      ledgers.push({ messages, peak: connections.peak, failed: connections.failed });
    }
    expect(ledgers[1]).toEqual(ledgers[0]);
  });

  test('hides the token that a scenario holds from its record', async () => {
    const file = join(folder, 'secret.yaml');
    const token = 'a-token-that-nobody-may-see';
    await writeFile(
      file,
      `name: secret
target:
  embedded: { settings: { token: ${token} } }
clients: { count: 10, connectRate: 100/s }
phases: [{ name: talk, duration: 1s, rate: 20/s }]
generator: { lagLimit: 1m }
gates: [messages.lost == 0]
`,
    );
    const out = join(folder, 'record');
    expect((await c2mHere('run', file, '--out', out, '--quiet')).status).toBe(0);
    for (const name of await readdir(out)) {
      expect((await readFile(join(out, name), 'utf8')).includes(token), name).toBe(false);
    }
  });

  test('Ctrl-C ends it with 130, a partial record and report, and no process left', async () => {
    const out = join(folder, 'record');
    const run = startC2m('run', 'ci-smoke', '--out', out, ...LONG);
    await run.said(/ talk .* delivered +[1-9]/);
    const started = await processesUnder(run.pid);
    expect(started.length).toBeGreaterThanOrEqual(3);
    run.kill('SIGINT');
    const { status, stdout } = await run.ended;
    expect(status).toBe(130);
    expect(stdout).toMatch(/PARTIAL {3}record \(ci-smoke/);
    expect(started.filter(isAlive)).toEqual([]);
    expect((await readdir(out)).sort()).toEqual(RECORD);
    const record = await recordIn(out);
    expect(record.verdict).toBe('partial');
    expect(record.messages.sent).toBeGreaterThan(0);
    expect(record.messages.lost).toBe(0);
    expect((await readTimeline(out)).length).toBeGreaterThan(1);
  });

  test('a second Ctrl-C does not wait, and leaves no process and no mailbox either', async () => {
    const out = join(folder, 'record');
    const run = startC2m('run', 'ci-smoke', '--out', out, ...LONG);
    await run.said(/ talk .* delivered +[1-9]/);
    const started = await processesUnder(run.pid);
    const mailboxes = (await Promise.all(started.map(temporaryFolderOf))).find((name) =>
      name.includes('c2m-target-'),
    );
    expect(await readdir(mailboxes ?? '')).toContain('mailboxes');
    run.kill('SIGINT');
    await run.said(/interrupted/);
    run.kill('SIGINT');
    expect((await run.ended).status).toBe(130);
    await expect.poll(() => started.filter(isAlive)).toEqual([]);
    await expect(readdir(mailboxes ?? '')).rejects.toThrow('ENOENT');
    // What it leaves is told as what it is: a record of some seconds before, or the beginning of a run.
    const hasRecord = (await readdir(out)).includes('run.json');
    const { status, stderr } = await c2mHere('report', out);
    expect(status).toBe(hasRecord ? 130 : 2);
    if (hasRecord) expect((await recordIn(out)).verdict).toBe('partial');
    else
      expect(stderr).toContain(
        'holds the beginning of a run only: it was ended before it could write run.json',
      );
  });

  test('an error that nobody caught leaves no process and no mailbox either', async () => {
    const mailboxes = await mkdtemp(join(folder, 'mailboxes-'));
    const script = `
      import { spawn } from 'node:child_process';
      import { endChildrenAtAbruptEnd, removeAtAbruptEnd } from ${JSON.stringify(join(process.cwd(), 'dist/lab/abrupt-end.js'))};
      endChildrenAtAbruptEnd();
      removeAtAbruptEnd(${JSON.stringify(mailboxes)});
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      console.log(child.pid);
      throw new Error('nobody caught this');`;
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(ended.stderr).toContain('nobody caught this');
    const pid = Number(ended.stdout);
    expect(pid).toBeGreaterThan(0);
    await expect.poll(() => isAlive(pid)).toBe(false);
    await expect(readdir(mailboxes)).rejects.toThrow('ENOENT');
  });

  test('a server that dies during the run has failed: 99, a record, and the reason', async () => {
    const out = join(folder, 'record');
    const run = startC2m(...['run', 'ci-smoke', '--out', out, ...LONG, '--set', 'target=embedded']);
    await run.said(/ talk .* delivered +[1-9]/);
    process.kill(await serverUnder(run.pid), 'SIGKILL');
    const { status } = await run.ended;
    expect(status).toBe(99);
    const { verdict, target, notes } = await recordIn(out);
    expect(verdict).toBe('failed');
    expect(target.died).toContain('the server process ended (SIGKILL)');
    expect(notes.join()).toContain('the server process ended (SIGKILL)');
  });
});
