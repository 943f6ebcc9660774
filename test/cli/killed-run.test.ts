import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTimeline } from '../../record/folder.js';
import { type RunRecord, runRecordSchema } from '../../record/run.js';
import { readReportedRun } from '../../reports/reported-run.js';
import { c2mHere, startC2m } from './c2m.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-killed-'));
});
afterEach(() => rm(folder, { recursive: true }));

const SMALL = [
  ...['--set', 'clients.count=100', '--set', 'gates=["messages.lost == 0"]', '--quiet'],
  // How busy the machine is matters to no test here.
  ...['--set', 'generator.lagLimit=60s'],
];
const LONG = ['--set', 'phases=[{name: talk, duration: 10m, rate: 100/s}]'];
const BRIEF = ['--set', 'phases=[{name: talk, duration: 1s, rate: 100/s}]'];

/** What is in the folder of a run now; undefined: no record yet. */
async function recordIn(out: string): Promise<RunRecord | undefined> {
  const text = await readFile(join(out, 'run.json'), 'utf8').catch(() => undefined);
  // Whenever it is looked at, it is a whole one.
  return text === undefined ? undefined : runRecordSchema.parse(JSON.parse(text));
}

/** Kills a run once the record that it keeps has messages in it. */
async function killed(out: string, ...more: string[]): Promise<void> {
  const run = startC2m('run', 'ci-smoke', '--out', out, ...SMALL, ...LONG, ...more);
  const record = more.includes('--repeat') ? join(out, '001') : out;
  await expect
    .poll(async () => (await recordIn(record))?.messages.delivered ?? 0, { timeout: 90_000 })
    .toBeGreaterThan(0);
  run.kill('SIGKILL');
  await run.ended;
}

describe('a run that is killed', { timeout: 240_000 }, () => {
  test('leaves a record of what it had, which is reported as partial', async () => {
    const out = join(folder, 'record');
    await killed(out);
    const files = (await readdir(out)).filter((name) => name !== 'run.json.part').sort();
    expect(files).toEqual(['latency.hlog', 'run.json', 'timeline.ndjson']);
    const left = (await recordIn(out)) as RunRecord;
    expect(left.verdict).toBe('partial');
    expect(left.notes.at(-1)).toContain('written while the run went on: unless it still does, it was killed');
    // What was on its way then is not known to be lost.
    expect(left.messages).toMatchObject({ lost: 0, duplicated: 0 });
    expect(left.messages.delivered + (left.messages.unknown ?? 0)).toBe(left.messages.sent);
    expect(left.generator).toMatchObject({ valid: true, faults: [] });
    expect(left.phases.map(({ name }) => name)).toEqual(['connect', 'talk']);

    // The files that grow are ahead of it by seconds, and that is no damage.
    const { damage, histograms, samples } = await readReportedRun(out, left);
    expect(damage).toEqual([]);
    expect(histograms.delivered?.totalCount).toBeGreaterThanOrEqual(left.latency.delivered.count);
    expect(left.latency.delivered.count).toBeGreaterThan(0);
    expect(samples.at(-1)?.t).toBeGreaterThan(left.durationSeconds - 5);

    const { status, stdout, stderr } = await c2mHere('report', out);
    expect([status, stderr]).toEqual([130, '']);
    expect(stdout).toContain('PARTIAL');
    expect(stdout).toContain('it was killed');
    expect(stdout).not.toContain('damaged');
    expect((await readdir(out)).sort()).toEqual([
      ...['junit.xml', 'latency.hlog', 'report.html', 'run.json', 'summary.md', 'timeline.ndjson'],
    ]);

    const forced = await c2mHere('run', 'ci-smoke', '--out', out, ...SMALL, ...BRIEF, '--force');
    expect([forced.status, forced.stderr]).toEqual([0, '']);
    const record = (await recordIn(out)) as RunRecord;
    expect(record.verdict).toBe('passed');
    expect(record.notes.join()).not.toContain('killed');
    const seconds = (await readTimeline(out)).map(({ t }) => t);
    expect(seconds).toEqual([...seconds].sort((one, other) => one - other));
    expect(seconds.at(-1)).toBeLessThan(record.durationSeconds + 10);
  });

  test('is told apart in its set, and no comparison passes with it', async () => {
    const set = join(folder, 'set');
    await killed(set, '--repeat', '3');
    expect(await readdir(set)).toEqual(['001']);
    const { status, stdout } = await c2mHere('compare', set, set);
    expect(status).toBe(99);
    expect(stdout).toContain('1 of the 1 current runs: partial');
  });
});

describe('a run that ends before anything was measured', () => {
  test('leaves nothing', async () => {
    const out = join(folder, 'record');
    const target = ['--set', 'target=tcp://127.0.0.1:9'];
    expect((await c2mHere('run', 'ci-smoke', '--out', out, ...SMALL, ...BRIEF, ...target)).status).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });
});
