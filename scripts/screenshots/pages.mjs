import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const CLI = resolve('dist/cli/c2m.js');
const run = promisify(execFile);

/** Where records of docs/ are put, under the names that they have on the pages. */
const RUNS = {
  'docs/guide/records/quickstart': 'quickstart',
  'docs/guide/records/lunch': 'lunch',
  'docs/guide/records/chat-server': 'chat-server',
  'docs/guide/records/far': 'far',
  'docs/cookbook/records/limit': 'limit',
  'docs/cookbook/records/crash': 'crash',
  'docs/cookbook/records/come-back': 'come-back',
  'docs/cookbook/records/leak': 'leak',
  'docs/cookbook/records/durability': 'durability',
  'docs/cookbook/records/tls': 'tls',
  'docs/cookbook/records/groups': 'groups',
  'docs/cookbook/records/slow-readers': 'slow-readers',
  'docs/cookbook/records/my-change': 'my-change',
  'docs/screenshots/records/cluster': 'cluster',
  'docs/screenshots/records/hosts': 'hosts',
  'docs/screenshots/records/ab': 'ab',
};
const CAPACITY = 'docs/screenshots/records/capacity';

/** Makes what the commands write, from the records of docs/. @param folder an empty one, where c2m is run */
export async function writePages(folder) {
  const runs = join(folder, 'runs');
  await mkdir(runs);
  for (const [record, name] of Object.entries(RUNS)) await cp(record, join(runs, name), { recursive: true });
  await cp(CAPACITY, join(folder, 'capacity'), { recursive: true });
  const page = (path) => pathToFileURL(join(folder, path)).href;
  const report = async (name) => {
    await c2m(folder, 'report', join('runs', name));
    return page(`runs/${name}/report.html`);
  };
  await c2m(folder, 'report', 'capacity');
  await c2m(
    folder,
    'compare',
    'runs/ab/a',
    'runs/ab/b',
    '--differing',
    'target.settings.coalesceMs',
    '--html',
    'comparison.html',
  );
  await writeFile(join(folder, 'side-by-side.html'), await sideBySide(runs));
  return {
    'report-passed': await report('quickstart'),
    'report-failed': await report('limit'),
    'report-crash': await report('crash'),
    'report-cluster': await report('cluster'),
    'report-hosts': await report('hosts'),
    comparison: page('comparison.html'),
    'side-by-side': page('side-by-side.html'),
    capacity: page('capacity/capacity.html'),
  };
}

/** What a matrix writes, of cells that were measured already. */
async function sideBySide(runs) {
  const { readRunRecord } = await import('../../dist/record/folder.js');
  const { sideBySidePage } = await import('../../dist/reports/html/side-by-side-page.js');
  const columns = [];
  for (const [name, path] of [
    ['TCP', 'tls/tcp'],
    ['TLS', 'tls/tls'],
    ['in memory', 'durability/memory'],
    ['on disk', 'durability/disk'],
  ])
    columns.push({
      name,
      runs: [await readRunRecord(join(runs, path))],
      reports: [`runs/${path}/report.html`],
    });
  return sideBySidePage('What a connection costs', columns);
}

/** The pages of `c2m ui`: their names, and what to do from the list to get there. */
export const BROWSED = {
  'ui-list': undefined,
  'ui-search': async (page) => {
    await page.fill('#q', 'failed');
    await page.click('text=Show');
  },
  'ui-trend': async (page) => {
    await page.fill('#q', 'my-change');
    await page.click('text=Show');
    await page.click('text=Draw its trend');
  },
  'ui-comparison': async (page) => {
    await page.check('input[aria-label="my-change/before as base"]');
    await page.check('input[aria-label="my-change/after as current"]');
    await page.click('text=Compare those ticked');
  },
};

/** @returns where `c2m ui` serves the records, and how it is ended */
export async function browse(folder) {
  return await served(folder, ['ui', 'runs'], /(http:\S+)/);
}

/** A run that goes on until it is ended, with its page. */
export async function liveRun(folder) {
  const flags = ['--ui', 'ci-smoke', '--out', 'runs/live', '--quiet'];
  const sets = [
    'name=chat',
    'clients.count=200',
    'gates=[connections.peak >= 200, messages.lost == 0, latency.delivered.p99 < 250ms]',
    'phases=[{name: warm-up, duration: 6s, rate: 20/s}, {name: talk, duration: 10m, rate: 60/s}]',
  ];
  return await served(
    folder,
    ['run', ...flags, ...sets.flatMap((set) => ['--set', set])],
    /Live page {2}(\S+)/,
  );
}

/** Until the report of a run that goes on tells of its second phase. */
export async function hasGoneOn(page) {
  const took = page.locator('.hero .facts div', { hasText: 'Took' }).locator('dd');
  while (!(Number.parseFloat(await took.innerText()) >= 14)) await page.waitForTimeout(250);
}

async function c2m(folder, ...words) {
  // The status is that of the verdict: of a run that failed it is 99.
  await run(process.execPath, [CLI, ...words], { cwd: folder }).catch((error) => {
    if (![1, 99].includes(error.code)) throw error;
  });
}

async function served(folder, words, address) {
  const child = spawn(process.execPath, [CLI, ...words], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((done) => child.on('close', done));
  const found = await new Promise((done, fail) => {
    let text = '';
    child.stdout.on('data', (bytes) => {
      text += bytes;
      const match = address.exec(text);
      if (match) done(match[1]);
    });
    child.on('close', (status) => fail(new Error(`c2m ${words[0]} ended with ${status}: ${text}`)));
  });
  const close = async () => {
    child.kill('SIGINT');
    await ended;
  };
  return { address: found, close };
}
