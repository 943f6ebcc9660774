import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { figureAt } from '../../record/figure.js';
import { readRunRecord } from '../../record/folder.js';
import { metricAt } from '../../record/metrics.js';
import { formatFigure } from '../../reports/format.js';
import { readReportedRun } from '../../reports/reported-run.js';
import { terminalSummary } from '../../reports/terminal.js';
import { filesIn } from '../support/source-files.js';

const PAGES = [...filesIn('docs/guide', '.md'), ...filesIn('docs/cookbook', '.md')].filter(
  (file) => !file.endsWith('summary.md'),
);

/** `[1.2 ms](records/first/run.json "latency.accepted.p50")` */
const FIGURE = /\[([^\]]*)\]\(([^)\s]*run\.json) "([^"]+)"\)/g;

/** ```text records/first as runs/first */
const SUMMARY = /^```text (\S+) as (\S+)\n.*?^```$/gms;

async function figure(page: string, link: string, path: string): Promise<string> {
  const record = await readRunRecord(dirname(normalize(join(dirname(page), link))));
  const metric = metricAt(path);
  if (!metric) throw new Error(`${page}: ${path} is no metric`);
  return formatFigure(figureAt(record, path), metric.unit);
}

async function summary(page: string, folder: string, shownAs: string): Promise<string> {
  const place = normalize(join(dirname(page), folder));
  return terminalSummary(await readReportedRun(place, await readRunRecord(place)), shownAs, false).replace(
    /^\n/,
    '',
  );
}

/** The page with every figure and every summary as the records have them. */
async function fromRecords(page: string, text: string): Promise<string> {
  let made = text;
  for (const [whole, , link = '', path = ''] of text.matchAll(FIGURE))
    made = made.replace(whole, `[${await figure(page, link, path)}](${link} "${path}")`);
  for (const [whole, folder = '', shownAs = ''] of text.matchAll(SUMMARY))
    made = made.replace(
      whole,
      `\`\`\`text ${folder} as ${shownAs}\n${await summary(page, folder, shownAs)}\`\`\``,
    );
  return made;
}

test.each(PAGES)('the figures of %s are those of the records that it links', async (page) => {
  const text = readFileSync(page, 'utf8');
  const made = await fromRecords(page, text);
  if (process.env.UPDATE_DOCS) writeFileSync(page, made);
  expect(readFileSync(page, 'utf8')).toBe(made);
});

test('the runs that the guide shows passed', async () => {
  const folders = filesIn('docs/guide/records', 'run.json').map((file) => dirname(file));
  const records = await Promise.all(folders.map(readRunRecord));
  expect(records.map(({ name, verdict }) => [name, verdict])).toEqual(
    records.map(({ name }) => [name, 'passed']),
  );
});

/** A number with a unit that something was measured in, or one of four digits and more. */
const MEASURED = /\d[\d.,]*\s?(µs|ms|bytes|KiB|MiB|GiB|messages|connects)\b|\d,\d{3}/g;

test.each(PAGES)('%s tells no measured figure without its record', (page) => {
  const prose = readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .replace(/<!--.*?-->/gs, '')
    .replace(/\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/`[^`]*`/g, '');
  expect(prose.match(MEASURED) ?? []).toEqual([]);
});
