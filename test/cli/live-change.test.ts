import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LiveControl } from '../../lab/live-control.js';
import { listenAtSocket } from '../../lab/live-control-socket.js';
import { type RunRecord, runRecordSchema } from '../../record/run.js';
import { c2m, c2mHere, type RunningCommand, startC2m } from './c2m.js';

let folder: string;
const { XDG_RUNTIME_DIR } = process.env;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-live-'));
  // Runs of other tests are none that could be meant.
  process.env.XDG_RUNTIME_DIR = folder;
  process.env.TMPDIR = folder;
});
afterEach(async () => {
  process.env.XDG_RUNTIME_DIR = XDG_RUNTIME_DIR;
  delete process.env.TMPDIR;
  await rm(folder, { recursive: true });
});

/** A run that goes on until somebody ends it, in the folder `name`. */
function longRun(name: string, ...more: string[]): RunningCommand {
  return startC2m(
    ...['run', 'ci-smoke', '--out', join(folder, name), '--set', `name=${name}`],
    ...['--set', 'clients.count=100', '--set', 'gates=["messages.lost == 0"]'],
    ...['--set', 'phases=[{name: talk, duration: 10m, rate: 100/s}]', ...more],
  );
}

async function recordOf(name: string): Promise<RunRecord> {
  return runRecordSchema.parse(JSON.parse(await readFile(join(folder, name, 'run.json'), 'utf8')));
}

describe('a run that goes on', { timeout: 120_000 }, () => {
  test('takes another rate from c2m rate, and ends with c2m stop as with Ctrl-C', async () => {
    const run = longRun('chat');
    await run.said(/ talk .* delivered +[1-9]/);
    const rate = await c2m('rate', '300/min');
    expect([rate.stderr, rate.status]).toEqual(['', 0]);
    expect(rate.stdout).toMatch(/^5\/s from [\d.]+ s of the run on, until phase talk ends at [\d.]+ s\n$/);
    const stop = await c2m('stop', '--why', 'the disk is full');
    expect(stop).toEqual({ status: 0, stdout: 'chat ends now, and is recorded as partial\n', stderr: '' });

    const { status, stdout } = await run.ended;
    expect(status).toBe(130);
    expect(stdout).toContain('! stopped with c2m stop by ');
    const record = await recordOf('chat');
    expect(record.verdict).toBe('partial');
    expect(record.rateChanges).toMatchObject([{ phase: 'talk', perSecond: 5 }]);
    expect(record.marks.map(({ label }) => label)).toEqual(['rate 5/s']);
    expect(record.notes.join()).toMatch(/stopped with c2m stop by \S+@\S+: the disk is full/);
    expect(await readdir(join(folder, 'c2m'))).toEqual([]);
  });

  test('is one of several: which is meant has to be said, by its id or its name', async () => {
    const [one, other] = [new LiveControl('one'), new LiveControl('other')];
    const listening = [await listenAtSocket(one), await listenAtSocket(other)];
    const unclear = await c2mHere('stop');
    expect([unclear.status, unclear.stdout]).toEqual([2, '']);
    expect(unclear.stderr).toContain('several runs are under way; say with --run which is meant');
    const { run } = other.announce();
    expect(unclear.stderr).toMatch(new RegExp(`^ {2}${run} {2}other {2}on .* {2}not begun$`, 'm'));
    expect(unclear.stderr).toMatch(/^ {2}[0-9a-f]{8} {2}one {2}on /m);
    const third = await c2mHere('stop', '--run', 'third');
    expect(third.status).toBe(1);
    expect(third.stderr).toContain('no run "third" is under way; those that are:');

    expect((await c2mHere('stop', '--run', 'one')).stdout).toContain('one ends now');
    expect([one.signal.aborted, other.signal.aborted]).toEqual([true, false]);
    expect((await c2mHere('stop', '--run', run)).stdout).toContain('other ends now');
    for (const each of listening) each.close();
  });

  test('is the last of its series when it is stopped', async () => {
    const run = longRun('series', '--repeat', '3', '--quiet');
    await expect.poll(async () => (await c2mHere('stop')).status, { timeout: 60_000 }).toBe(0);
    expect((await run.ended).status).toBe(130);
    expect((await readdir(join(folder, 'series')).catch(() => [])).filter((name) => name > '001')).toEqual(
      [],
    );
  });
});

describe('without a run', () => {
  test.each([[['rate', '5000/s']], [['stop']]])('%j ends with 1 and says so', async (argv) => {
    const { status, stderr } = await c2mHere(...argv);
    expect(status).toBe(1);
    expect(stderr).toContain('no run of this user is under way on this machine; --nats finds those');
  });

  test.each([
    [['rate', '5000'], '5000 has no unit; write 5000/s if that is what you mean'],
    [['rate', 'fast'], '"fast" is not a rate; write a number and a unit, such as 500/s'],
    [['rate', '1000000000/s'], '1000000000/s is more than a run can have; write 10000000/s or less'],
    [['stop', '--why', ''], '--why: write up to 200 characters, or leave it out'],
    [['stop', '--nats', 'http://x'], '"http://x" is not the address of a NATS server'],
  ])('%j ends with 2: %s', async (argv, message) => {
    const { status, stderr } = await c2mHere(...argv);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});
