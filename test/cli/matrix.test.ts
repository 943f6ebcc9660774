import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { c2m } from './c2m.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-matrix-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('c2m run makes the runs of a matrix by turns, and lays them side by side', async () => {
  const file = join(folder, 'stores.yaml');
  const out = join(folder, 'runs');
  await writeFile(
    file,
    `name: stores
target: embedded
clients: { count: 20, connectRate: 1000/s }
phases: [{ name: talk, duration: 500ms, rate: 100/s }]
matrix:
  store:
    disk: { target.embedded.store: lmdb }
    memory: { target.embedded.store: memory }
`,
  );
  const { status, stdout } = await c2m('run', file, '--repeat', '2', '--out', out, '--quiet');
  expect(status).toBe(0);
  const words = stdout.match(/^\w+: run \d of 2$/gm);
  expect(words).toEqual(['disk: run 1 of 2', 'memory: run 1 of 2', 'memory: run 2 of 2', 'disk: run 2 of 2']);
  expect((await readdir(out)).sort()).toEqual(['disk', 'memory', 'side-by-side.html', 'side-by-side.md']);
  expect(await readdir(join(out, 'memory'))).toEqual(['001', '002']);
  const table = await readFile(join(out, 'side-by-side.md'), 'utf8');
  expect(table).toMatch(/^\| {2}\| disk \| memory \|$/m);
  expect(table).toMatch(/^\| messages lost \| 0 \| 0 \|$/m);
  const page = await readFile(join(out, 'side-by-side.html'), 'utf8');
  expect(page).toContain('<th scope="col">memory</th>');
  expect(page).toContain('<a href="memory/002/report.html">2</a>');
}, 60_000);
