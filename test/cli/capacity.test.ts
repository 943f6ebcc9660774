import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { capacitySchema } from '../../record/capacity.js';
import { readRecordSet } from '../../record/record-set.js';
import { testFolder } from '../support/folder.js';
import { c2mHere, startC2m } from './c2m.js';

/** Little of ci-smoke, in trials of a second. How fast this machine is on that day decides nothing here. */
const BRIEF = [
  'ci-smoke',
  ...['--find', 'messages.rate', '--until', 'latency.delivered.p99 < 1m', '--without-gates'],
  ...['--set', 'clients.count=20', '--set', 'generator.lagLimit=1m'],
  ...['--from', '50', '--trial', '1s', '--confirm', '1s'],
];

test('c2m capacity prints JSON for programs, and c2m report makes the page again from the folder', async () => {
  const out = join(testFolder(), 'found');
  const { status, stdout, stderr } = await c2mHere(
    'capacity',
    ...BRIEF,
    '--max',
    '50/s',
    '--json',
    '--out',
    out,
  );
  expect(stderr).toMatch(
    /trial 2: 50 messages\/s for 1 s\n {2}held: 50 messages\/s, [\d.]+\/s arrived, p99 /,
  );
  const capacity = capacitySchema.parse(JSON.parse(stdout));
  expect(status).toBe(0);
  expect(capacity.searches[0]).toMatchObject({
    end: 'most',
    holds: { level: 50, length: 'full' },
    conclusion: 'ci-smoke holds 50 messages/s, the most that was asked for.',
  });
  expect((await readRecordSet(out)).map(({ record }) => record.verdict)).toEqual(['passed', 'passed']);

  const page = await readFile(join(out, 'capacity.html'), 'utf8');
  const again = await c2mHere('report', out, '--json');
  expect(again.stdout).toBe(stdout);
  expect(again.status).toBe(0);
  expect(await readFile(join(out, 'capacity.html'), 'utf8')).toBe(page);
}, 60_000);

test('Ctrl-C leaves what was measured until then, with status 130', async () => {
  const out = join(testFolder(), 'stopped');
  const command = startC2m('capacity', ...BRIEF, '--out', out);
  await command.said(/trial 2: 100 messages/);
  command.kill('SIGINT');
  const { status, stdout } = await command.ended;
  expect(status).toBe(130);
  expect(stdout).toContain(
    'the search was not finished, as it was interrupted; 50 messages/s held in a short trial',
  );
  const { searches } = JSON.parse(await readFile(join(out, 'capacity.json'), 'utf8'));
  expect(searches[0]).toMatchObject({ end: 'stopped', holds: { level: 50 }, breaks: null });
}, 60_000);

test('what is wrong with the flags is told before anything is started', async () => {
  const out = join(testFolder(), 'none');
  const wrong = (...flags: string[]) => c2mHere('capacity', ...BRIEF, '--out', out, ...flags);
  const said = await Promise.all([
    wrong('--precision', '90%'),
    wrong('--workers', '1,1'),
    wrong('--nodes', '0,1'),
    wrong('--nodes', '1,2', '--workers', '1,2'),
    wrong('--trial', '10ms'),
    wrong('--max', 'much'),
    wrong('--per-client'),
  ]);
  expect(said.map(({ status }) => status)).toEqual([2, 2, 2, 2, 2, 2, 2]);
  expect(said.map(({ stderr }) => stderr.trim())).toEqual([
    '--precision: 90% is out of range; write 0.1% to 50%',
    '--workers: "1,1" is no list of numbers; write each once, such as 1,2,3,4,6,8',
    '--nodes: "0,1" is no list of numbers; write each once, such as 1,2,3,4,6,8',
    '--workers and --nodes are of two searches: one server has workers, a cluster has nodes',
    '--trial: 10ms is too short to tell anything; write 1s or more',
    expect.stringMatching(/^--max: "much" is not a rate/),
    '--per-client is for --find clients.count',
  ]);
}, 60_000);

test('a scenario with a matrix is refused, as it stands for several, and one of those is not', async () => {
  const folder = testFolder();
  const file = join(folder, 'all.yaml');
  await writeFile(file, 'extends: ci-smoke\nname: all\nmatrix: { clients.count: [10, 20] }\n');
  await writeFile(join(folder, 'one.yaml'), 'extends: all.yaml\nname: one\nmatrix: null\n');
  const search = (scenario: string) =>
    c2mHere('capacity', scenario, ...BRIEF.slice(1), '--max', '1', '--out', join(folder, 'out'));
  const [several, one] = await Promise.all([search(file), search(join(folder, 'one.yaml'))]);
  expect([several.status, several.stderr]).toEqual([
    2,
    expect.stringContaining('its matrix stands for 2 scenarios'),
  ]);
  expect([one.status, one.stderr]).toEqual([2, expect.stringContaining('--max: 1 is less than')]);
});
