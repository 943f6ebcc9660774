import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { headingIds } from '../../website/heading-ids.js';
import { filesIn } from '../support/source-files.js';

const PAGES = [
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'README.md',
  // Reports of runs are records, not pages.
  ...filesIn('docs', '.md').filter((file) => !file.startsWith('docs/experiments/')),
];

/** Folders of the repository: a path that begins with one of them is meant to be there. */
const FOLDERS =
  /^(\.ci|api|bench|cli|deploy|docs|examples|lab|loadgen|native|nats|protocol|record|reports|scenarios|scripts|server|telemetry|test|ui|website)\//;

/** `cli/NAME.ts` stands for any of them, and so does a star. */
const IS_PATTERN = /[A-Z]{4}|[*…<>]/;

interface Page {
  /** Without its blocks of code. */
  prose: string;
  ids: Set<string>;
}

const read = new Map<string, Page>();

function pageAt(file: string): Page {
  const known = read.get(file);
  if (known) return known;
  const prose = readFileSync(file, 'utf8').replace(/^```.*?^```/gms, '');
  const idOf = headingIds();
  const titles = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => idOf(textOf(title)));
  const page = { prose, ids: new Set(titles) };
  read.set(file, page);
  return page;
}

/** Of a heading: what is shown, without the marks of links and code. */
function textOf(title: string): string {
  return title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
}

test.each(PAGES)('every link of %s leads somewhere', (file) => {
  const broken = [...pageAt(file).prose.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)(?: "[^"]*")?\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => {
      const [path = '', id] = link.split('#');
      const target = path === '' ? file : normalize(join(dirname(file), path));
      if (!existsSync(target)) return true;
      return id !== undefined && target.endsWith('.md') && !pageAt(target).ids.has(id);
    });
  expect(broken).toEqual([]);
});

test.each(PAGES)('every path that %s names is there', (file) => {
  const named = [...pageAt(file).prose.matchAll(/`([^`\s]+)`/g)]
    .map(([, words = '']) => words.replace(/[:#]\d+$/, ''))
    .filter((words) => FOLDERS.test(words) && !IS_PATTERN.test(words));
  expect([...new Set(named)].filter((path) => !existsSync(path))).toEqual([]);
});

test('files of the code that ARCHITECTURE.md does not name are few enough to find beside those that it names', () => {
  const { prose } = pageAt('ARCHITECTURE.md');
  const named = new Set([...prose.matchAll(/`([\w/.-]+)`/g)].map(([, path = '']) => path));
  const folders = ['lab', 'loadgen', 'record', 'reports', 'scenarios', 'server', 'cli', 'protocol'];
  const unnamed = folders.filter(
    (folder) =>
      ![...named].some((path) => path.startsWith(folder) && existsSync(path) && statSync(path).isFile()),
  );
  expect(unnamed).toEqual([]);
});
