import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inspectTimeline } from '../../record/folder.js';
import { junitXml } from '../../reports/junit.js';
import { markdownSummary } from '../../reports/markdown.js';
import { type ReportedRun, readReportedRun } from '../../reports/reported-run.js';
import { terminalSummary } from '../../reports/terminal.js';
import { type RecordFixture, recordFixture, writeRecordFolder } from '../fixtures/record.js';

const fixture = recordFixture();

/** The run as the reports get it, once its folder was damaged. */
async function damagedRun(
  damage: (folder: string) => Promise<unknown>,
  of: RecordFixture = fixture,
): Promise<ReportedRun> {
  const folder = await writeRecordFolder(of);
  await damage(folder);
  const run = await readReportedRun(folder, of.record);
  await rm(folder, { recursive: true });
  return run;
}

async function cutTimeline(folder: string, lines: (all: string[]) => string[]): Promise<void> {
  const file = join(folder, 'timeline.ndjson');
  const all = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  await writeFile(
    file,
    lines(all)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

function words({ damage }: ReportedRun): string[] {
  return damage.map(({ file, what }) => `${file} ${what}`);
}

describe('a record says what is missing from it:', () => {
  test('nothing, where nothing is', async () => {
    expect(words(await damagedRun(async () => undefined))).toEqual([]);
  });

  test('a file that is not there', async () => {
    const run = await damagedRun(async (folder) => {
      await rm(join(folder, 'timeline.ndjson'));
      await rm(join(folder, 'latency.hlog'));
    });
    expect(words(run)).toEqual(['timeline.ndjson is missing', 'latency.hlog is missing']);
  });

  test('a last line that was cut short', async () => {
    const run = await damagedRun(async (folder) => {
      const { length } = await readFile(join(folder, 'timeline.ndjson'));
      await truncate(join(folder, 'timeline.ndjson'), length - 40);
    });
    expect(words(run)).toEqual(['timeline.ndjson is cut short: its last line, 31, is no whole one']);
    expect(run.samples).toHaveLength(30);
  });

  test('lines that are none, and the seconds that went with them', async () => {
    const run = await damagedRun((folder) =>
      cutTimeline(folder, (all) =>
        all.map((line, index) => (index === 9 || index === 10 ? line.slice(30) : line)),
      ),
    );
    expect(words(run)).toEqual([
      'timeline.ndjson has 2 lines that cannot be read: 10, 11',
      'timeline.ndjson says nothing of 9.0 s to 11.0 s',
    ]);
  });

  test('lines that were taken out, though each that is left is whole', async () => {
    const run = await damagedRun((folder) =>
      cutTimeline(folder, (all) => all.filter((_, index) => index !== 5)),
    );
    expect(words(run)).toEqual(['timeline.ndjson says nothing of 5.0 s to 6.0 s']);
  });

  test('an end long before that of the run', async () => {
    const run = await damagedRun((folder) => cutTimeline(folder, (all) => all.slice(0, 12)));
    expect(words(run)).toEqual(['timeline.ndjson ends at 12.0 s of a run of 31.1 s']);
  });

  test('everything, where a file is empty', async () => {
    const run = await damagedRun((folder) => writeFile(join(folder, 'timeline.ndjson'), ''));
    expect(words(run)).toEqual(['timeline.ndjson ends at 0.0 s of a run of 31.1 s']);
  });

  test('a line that goes back in time', async () => {
    const run = await damagedRun((folder) => cutTimeline(folder, (all) => [...all, all[3] ?? '']));
    expect(words(run)).toEqual(['timeline.ndjson is cut short: its last line, 32, is no whole one']);
  });

  test('latencies that run.json counts and the log does not hold', async () => {
    const run = await damagedRun(async (folder) => {
      const log = await readFile(join(folder, 'latency.hlog'), 'utf8');
      const lines = log.split('\n');
      const last = lines.findLastIndex((line) => line.startsWith('Tag=receipt'));
      lines[last] = (lines[last] ?? '').slice(0, -30);
      await writeFile(join(folder, 'latency.hlog'), lines.join('\n'));
    });
    expect(words(run)).toEqual([
      'latency.hlog has 1 line that cannot be read',
      expect.stringMatching(/^latency\.hlog holds only [\d,]+ of [\d,]+ receipt latencies$/),
    ]);
  });
});

test('a run of less than a second has an empty timeline, and no damage', async () => {
  const short = recordFixture((record) => {
    record.durationSeconds = 0.6;
    for (const kind of ['connect', 'accepted', 'delivered', 'receipt'] as const)
      record.latency[kind].count = 0;
  });
  const run = await damagedRun(async () => undefined, { ...short, samples: [], latencyLog: '' });
  expect(words(run)).toEqual([]);
});

test('millions of lines that are none are counted, and only the first are named', async () => {
  const folder = await writeRecordFolder(fixture);
  await writeFile(join(folder, 'timeline.ndjson'), 'x\n'.repeat(200_000));
  const { damage } = await inspectTimeline(folder);
  expect(damage.map(({ what }) => what)).toEqual([
    'has 200000 lines that cannot be read: 1, 2, 3, 4, 5 and 199995 more',
  ]);
  await rm(folder, { recursive: true });
});

describe('a damaged record is not shown as passed', () => {
  const damage = 'The record is damaged: timeline.ndjson is missing.';

  test('in the terminal, where the first lines say so', async () => {
    const run = await damagedRun((folder) => rm(join(folder, 'timeline.ndjson')));
    const [first, second] = terminalSummary(run, 'runs/1', false).trim().split('\n');
    expect(first).toMatch(/^DAMAGED/);
    expect(second?.trim()).toBe(
      `${damage} By run.json alone every gate held, but what it rests on cannot be looked into.`,
    );
  });

  test('in summary.md', async () => {
    const run = await damagedRun((folder) => rm(join(folder, 'timeline.ndjson')));
    expect(markdownSummary(run)).toMatch(/^## ⚠️ Damaged: /);
    expect(markdownSummary(run)).toContain(damage);
  });

  test('in junit.xml, where a test case of its own fails', async () => {
    const run = await damagedRun((folder) => rm(join(folder, 'timeline.ndjson')));
    const xml = junitXml(run);
    expect(xml).toContain('failures="1"');
    expect(xml).toMatch(
      /name="the record is complete" time="0">\s*<failure [^>]*timeline\.ndjson is missing/,
    );
  });

  test('and one that failed has failed all the same', async () => {
    const failing = recordFixture((record) => {
      record.verdict = 'failed';
      record.gates[1] = { expression: 'messages.lost == 0', value: 2, passed: false };
    });
    const run = await damagedRun((folder) => rm(join(folder, 'timeline.ndjson')), failing);
    expect(terminalSummary(run, 'runs/1', false)).toMatch(
      /FAILED .*\n {2}1 of 4 gates did not hold\. The record is/,
    );
  });
});
