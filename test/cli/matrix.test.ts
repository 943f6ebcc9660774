import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { c2mHere, startC2m } from './c2m.js';
import { runsOnPage, SERIES_MS } from './metrics-page.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-matrix-'));
});
afterEach(() => rm(folder, { recursive: true }));

test(
  'c2m run makes the runs of a matrix by turns, tells which it is at, and lays them side by side',
  async () => {
    const file = join(folder, 'stores.yaml');
    const out = join(folder, 'runs');
    await writeFile(
      file,
      `name: stores
target: embedded
clients: { count: 20, connectRate: 1000/s }
phases: [{ name: talk, duration: 500ms, rate: 100/s }]
# How fast this machine is on that day decides nothing here.
generator: { lagLimit: 1m }
matrix:
  store:
    disk: { target.embedded.store: lmdb }
    memory: { target.embedded.store: memory }
`,
    );
    const command = startC2m('run', file, '--repeat', '2', '--out', out, '--quiet', '--metrics', '0');
    expect(await runsOnPage(command, 4)).toEqual([
      'number="1",combination="disk"',
      'number="1",combination="memory"',
      'number="2",combination="memory"',
      'number="2",combination="disk"',
    ]);
    const { status, stdout } = await command.ended;
    expect(status).toBe(0);
    const words = stdout.match(/^\w+: run \d of 2$/gm);
    expect(words).toEqual([
      'disk: run 1 of 2',
      'memory: run 1 of 2',
      'memory: run 2 of 2',
      'disk: run 2 of 2',
    ]);
    expect((await readdir(out)).sort()).toEqual(['disk', 'memory', 'side-by-side.html', 'side-by-side.md']);
    expect(await readdir(join(out, 'memory'))).toEqual(['001', '002']);
    const table = await readFile(join(out, 'side-by-side.md'), 'utf8');
    expect(table).toMatch(/^\| {2}\| disk \| memory \|$/m);
    expect(table).toMatch(/^\| messages lost \| 0 \| 0 \|$/m);
    const page = await readFile(join(out, 'side-by-side.html'), 'utf8');
    expect(page).toContain('<th scope="col">memory</th>');
    expect(page).toContain('<a href="memory/002/report.html">2</a>');
  },
  SERIES_MS,
);

/** As many clients as the matrix says, and not the 20 that stand beside it. */
async function withMatrix(name: string, counts: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(
    file,
    `name: mine
target: embedded
clients: { count: 20, connectRate: 1000/s }
phases: [{ name: talk, duration: 500ms, rate: 100/s }]
generator: { lagLimit: 1m }
matrix: { clients.count: ${counts} }
`,
  );
  return file;
}

test('c2m ab refuses a matrix, which stands for several scenarios, and says what to write', async () => {
  const file = await withMatrix('several.yaml', '[10, 20]');
  const out = join(folder, 'ab');
  const { status, stdout, stderr } = await c2mHere(
    'ab',
    file,
    '--b',
    'target.embedded.workers=2',
    '--out',
    out,
  );
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toBe(
    `${file}: its matrix stands for 2 scenarios, and a comparison of two variants is of one; write a scenario of one of ` +
      `them: extends: ${file}, matrix: null, and its values\n`,
  );
  await expect(readdir(out)).rejects.toThrow('ENOENT');
});

test('c2m doctor fits the combination of a matrix that needs most', async () => {
  const file = await withMatrix('large.yaml', '[16000000, 10]');
  const { status, stdout } = await c2mHere('doctor', file, '--json');
  expect(status).toBe(1);
  expect(JSON.parse(stdout).fit).toMatchObject({
    scenario: 'mine (matrix: count 16000000)',
    clients: 16_000_000,
    fits: false,
  });
});
