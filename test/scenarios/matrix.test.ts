import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cell, loadCells } from '../../scenarios/matrix.js';
import { ScenarioError } from '../../scenarios/scenario-error.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-matrix-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function cellsOf(matrix: string, overrides: string[] = []): Promise<Cell[]> {
  const file = join(folder, 'chat.yaml');
  await writeFile(
    file,
    `name: chat
target: embedded
clients: { count: 100 }
phases: [{ name: talk, duration: 1s, rate: 50/s }]
${matrix}`,
  );
  return loadCells(file, overrides);
}

describe('a scenario with a matrix', () => {
  test('is one scenario for every value of an axis with every value of the others', async () => {
    const cells = await cellsOf(`
matrix:
  clients.count: [100, 200]
  store:
    disk: { target.embedded.store: lmdb }
    memory: { target: { embedded: { store: memory } } }
`);
    expect(cells.map(({ name }) => name)).toEqual([
      'count 100, disk',
      'count 100, memory',
      'count 200, disk',
      'count 200, memory',
    ]);
    expect(
      cells.map(({ loaded: { scenario } }) => [
        scenario.clients.count,
        scenario.target.kind === 'embedded' && scenario.target.store,
      ]),
    ).toEqual([
      [100, 'lmdb'],
      [100, 'memory'],
      [200, 'lmdb'],
      [200, 'memory'],
    ]);
  });

  test('tells in each record what its cell has set, and leaves the last word to --set', async () => {
    const [cell] = await cellsOf('matrix: { clients.count: [100, 200] }', ['clients.count=50']);
    expect(cell?.loaded.source.overrides).toEqual(['clients.count=100', 'clients.count=50']);
    expect(cell?.loaded.scenario.clients.count).toBe(50);
  });

  test('fills in what the environment holds once, and leaves what was escaped', async () => {
    const cells = await cellsOf(`
matrix:
  text:
    price: { description: "$\${NO_SUCH_VARIABLE}" }
`);
    expect(cells[0]?.loaded.scenario.description).toBe('${NO_SUCH_VARIABLE}');
  });

  test('is the scenario itself where it has none', async () => {
    const cells = await cellsOf('');
    expect(cells).toMatchObject([{ name: '', loaded: { scenario: { name: 'chat' } } }]);
  });

  test.each([
    ['a value that is none', 'matrix: { clients.count: [many] }', /clients\.count.*\(matrix: count many\)/],
    ['an axis that is no list', 'matrix: { clients.count: 5 }', /matrix.*must be a list of values/],
    [
      'a name that would leave the folder of the runs',
      'matrix: { server: { "..": { clients.count: 5 } } }',
      /matrix\.server.*must be a name that begins with a letter or a digit/,
    ],
    [
      'two names that would be one folder',
      'matrix: { server: { a b: { clients.count: 5 }, a-b: { clients.count: 6 } } }',
      /two combinations of one name, a-b/,
    ],
    [
      'a path that is not there',
      'matrix: { clients.cuont: [1] }',
      /did you mean .*count.*\(matrix: cuont 1\)/,
    ],
    [
      'more combinations than anybody reads',
      `matrix: { clients.count: [${Array.from({ length: 65 }, (_, index) => index + 2)}] }`,
      /makes 65 combinations; 64 are the most/,
    ],
  ])('tells %s, and in which cell', async (_, matrix, words) => {
    const wrong = cellsOf(matrix);
    await expect(wrong).rejects.toThrow(ScenarioError);
    await expect(wrong).rejects.toThrow(words);
  });
});
