import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { catalogueFigures } from '../../record/catalogue-figures.js';
import { readListQuery, sorted } from '../../reports/browse/list-query.js';
import { FigureStore } from '../../ui/figure-store.js';
import { findRecordFolders } from '../../ui/record-folders.js';
import { RecordIndex } from '../../ui/record-index.js';
import { reportOf } from '../../ui/stored-report.js';
import { recordFixture } from '../fixtures/record.js';
import { testFolder } from '../support/folder.js';

describe('the figures of a record', () => {
  const { record } = recordFixture();

  test('are those of the catalogue, with the names of its phases, queues and reasons', () => {
    const figures = catalogueFigures(record, 10_000);
    expect(figures.get('connections.peak')).toBe(4997);
    expect(figures.get('connections.failures.LoginTimeout')).toBe(2);
    expect(figures.get('backlog.queues.mailboxes.max')).toBe(2640);
    expect(figures.get('phases.talk.startSeconds')).toBe(2.4);
    expect([...figures.keys()].some((path) => path.includes('<'))).toBe(false);
  });

  test('are cut where there are too many, those of queues and phases first', () => {
    const figures = catalogueFigures(record, 40);
    expect(figures.size).toBe(40);
    expect([...figures.keys()].filter((path) => path.startsWith('phases.'))).toEqual([]);
  });

  test('are kept by paths that all records share, up to so many', () => {
    const store = new FigureStore();
    const one = store.store(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    const other = store.store(
      new Map([
        ['b', 0],
        ['c', -3.5],
      ]),
    );
    expect(['a', 'b', 'c', 'd'].map((path) => [one.at(path), other.at(path)])).toEqual([
      [1, null],
      [2, 0],
      [null, -3.5],
      [null, null],
    ]);
    store.store(new Map(Array.from({ length: 30_000 }, (_, index) => [`q${index}`, index])));
    expect(store.paths).toHaveLength(20_000);
    expect(store.store(new Map([['late', 1]])).at('late')).toBeNull();
  });
});

describe('the records below a folder', () => {
  test('are read once, again where they have changed, and forgotten where they are gone', async () => {
    const root = testFolder();
    const { record } = recordFixture();
    const put = async (name: string, peak: number): Promise<void> => {
      await mkdir(join(root, name), { recursive: true });
      record.connections.peak = peak;
      await writeFile(join(root, name, 'run.json'), JSON.stringify(record));
    };
    await put('a', 1);
    await put('set/001', 22);
    const look = async (): Promise<unknown> => {
      const index = new RecordIndex(root);
      await index.refresh();
      return index.runs.map(({ path, set, facts }) => [path, set, facts?.figure('connections.peak')]).sort();
    };
    expect(await look()).toEqual([
      ['a', '', 1],
      ['set/001', 'set', 22],
    ]);
    const index = new RecordIndex(root);
    await index.refresh();
    const before = index.runs.find(({ path }) => path === 'a');
    await put('set/001', 333);
    await rm(join(root, 'a'), { recursive: true });
    await expect
      .poll(async () => {
        await index.refresh();
        return index.runs.map(({ path, facts }) => [path, facts?.figure('connections.peak')]);
      })
      .toEqual([['set/001', 333]]);
    expect(index.byId(before?.id ?? '')).toBeUndefined();
  });

  test('are looked for so deep, and no link is followed', async () => {
    const root = testFolder();
    await mkdir(join(root, '1/2/3/4/5'), { recursive: true });
    await writeFile(join(root, '1/2/3/4/run.json'), '{}');
    await writeFile(join(root, '1/2/3/4/5/run.json'), '{}');
    expect((await findRecordFolders(root)).paths).toEqual(['1/2/3/4']);
    await writeFile(join(root, 'timeline.ndjson'), '');
    expect((await findRecordFolders(root)).paths).toEqual(['.']);
  });

  test('have names that a list can show, however long they are', async () => {
    const root = testFolder();
    const { record } = recordFixture((each) => {
      each.name = 'n'.repeat(1_000_000);
    });
    await writeFile(join(root, 'run.json'), JSON.stringify(record));
    const index = new RecordIndex(root);
    await index.refresh();
    expect(index.runs[0]?.facts?.scenario.length).toBeLessThan(400);
  });

  test('of which a file is a link are damaged: it would lead to a record that is not here', async () => {
    const [root, elsewhere] = [testFolder(), testFolder()];
    await writeFile(join(elsewhere, 'run.json'), JSON.stringify(recordFixture().record));
    for (const [name, file, linked] of [
      ['a', 'timeline.ndjson', 'run.json'],
      ['b', 'run.json', 'latency.hlog'],
    ] as const) {
      await mkdir(join(root, name));
      await writeFile(join(root, name, file), JSON.stringify(recordFixture().record));
      await symlink(join(elsewhere, 'run.json'), join(root, name, linked));
    }
    const index = new RecordIndex(root);
    await index.refresh();
    expect(index.runs.map(({ facts, damage }) => [facts, damage?.split(',')[0]])).toEqual([
      [undefined, expect.stringMatching(/^(run.json|latency.hlog) is a link$/)],
      [undefined, expect.stringMatching(/^(run.json|latency.hlog) is a link$/)],
    ]);
    await expect(reportOf(join(root, 'b'))).rejects.toThrow('links are not followed');
  });

  test('are sorted by what they have; those that have nothing of it are last, whichever way', () => {
    const run = (path: string, p99: number | null) => ({
      id: path,
      path,
      set: '',
      damage: null,
      facts: { scenario: 's', startedAt: '', verdict: 'passed' as const, figure: () => p99 },
    });
    const runs = [run('a', 3), run('b', null), run('c', 1), run('d', 20)];
    const order = (words: string): string =>
      sorted(runs, readListQuery({ sort: 'latency.delivered.p99', order: words }))
        .map(({ path }) => path)
        .join('');
    expect([order('up'), order('down')]).toEqual(['cadb', 'dacb']);
  });

  test.each([
    [{}, { search: '', sort: 'started', isDescending: true, page: 1 }],
    [
      { q: ['a'], sort: 'constructor', order: 'up', page: '-3' },
      { search: '', sort: 'started', isDescending: false, page: 1 },
    ],
    [
      { q: 'x'.repeat(999), page: '2.5' },
      { search: 'x'.repeat(200), sort: 'started', isDescending: true, page: 2 },
    ],
  ])('are asked for by %j', (query, wanted) => {
    expect(readListQuery(query)).toEqual(wanted);
  });
});
