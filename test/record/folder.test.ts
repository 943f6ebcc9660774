import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { inspectTimeline, readRunRecord, readTimeline } from '../../record/folder.js';
import { inspectLatencyLog } from '../../reports/latency-log.js';
import { writeRecord } from '../../reports/write.js';
import { recordFixture } from '../fixtures/record.js';
import { testFolder } from '../support/folder.js';

const fixture = recordFixture();

describe('a run.json that is none is refused with its name and the reason, and never waited for', () => {
  test.each<[what: string, make: (file: string) => Promise<unknown> | unknown, words: string]>([
    ['a pipe', (file) => execFileSync('mkfifo', [file]), 'it is a pipe or a device'],
    ['a device without an end', (file) => symlink('/dev/zero', file), 'it is a pipe or a device'],
    ['a folder', (file) => mkdir(file), 'it is a folder; name a file in it'],
    ['more than any record has', (file) => execFileSync('truncate', ['-s', '65M', file]), 'more than 64 MiB'],
    [
      'bytes that are no UTF-8',
      (file) => writeFile(file, Buffer.from([0x22, 0xff, 0x22])),
      'is not text in UTF-8',
    ],
    ['a link to itself', (file) => symlink(file, file), 'a link that leads back to itself'],
    ['three megabytes of [', (file) => writeFile(file, '['.repeat(3e6)), 'is not JSON'],
    [
      'lists in lists',
      (file) => writeFile(file, '['.repeat(1e6) + ']'.repeat(1e6)),
      'is nested more than 60 levels deep',
    ],
    [
      'a record with lists in lists',
      (file) => {
        const text = JSON.stringify(fixture.record);
        const deep = '['.repeat(1e5) + ']'.repeat(1e5);
        return writeFile(file, text.replace('"resolved":{', `"resolved":{"deep":${deep},`));
      },
      'is nested more than 60 levels deep',
    ],
  ])('%s', async (_, make, words) => {
    const folder = testFolder();
    await make(join(folder, 'run.json'));
    const error = await readRunRecord(folder).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error).toMatchObject({ code: 'C2M_RECORD' });
    expect(error?.message).toContain(join(folder, 'run.json'));
    expect(error?.message).toContain(words);
  });

  test('the folder of a run that was ended by force is told as that', async () => {
    const folder = testFolder();
    await writeFile(join(folder, 'timeline.ndjson'), '');
    await expect(readRunRecord(folder)).rejects.toThrow(
      /holds the beginning of a run only: .* run the scenario again/,
    );
  });
});

describe('a timeline', () => {
  test('is read without the lines that are none, which are told by their numbers', async () => {
    for (const line of ['{}', '{"t":2,"seconds":1,"phase":{}}', '{nonsense}', `${'['.repeat(1e5)}{}`]) {
      const folder = testFolder();
      await writeFile(join(folder, 'timeline.ndjson'), `${JSON.stringify(fixture.samples[0])}\n${line}\n`);
      expect(await inspectTimeline(folder)).toEqual({
        samples: [fixture.samples[0]],
        damage: [{ file: 'timeline.ndjson', what: 'is cut short: its last line, 2, is no whole one' }],
      });
    }
  });

  test('that is a pipe is not waited for, one that is not there is empty', async () => {
    const folder = testFolder();
    execFileSync('mkfifo', [join(folder, 'timeline.ndjson')]);
    await expect(readTimeline(folder)).rejects.toMatchObject({ code: 'C2M_RECORD' });
    await rm(join(folder, 'timeline.ndjson'));
    expect(await readTimeline(folder)).toEqual([]);
  });
});

describe('a latency log', () => {
  test('is read without the lines that are none, whatever they would unpack to', async () => {
    const packed = (bytes: Buffer): string =>
      Buffer.concat([Buffer.from('1c849304', 'hex'), Buffer.alloc(4), deflateSync(bytes)]).toString('base64');
    const bomb = packed(Buffer.alloc(64 * 2 ** 20));
    for (const line of [
      'a,b,c,d',
      'a,',
      'nonsense',
      `Tag=connect,0.0,1.0,2.0,${bomb}`,
      `0,1,2,${packed(Buffer.from('x'))}`,
    ]) {
      const folder = testFolder();
      await writeFile(join(folder, 'latency.hlog'), `${fixture.latencyLog}${line}\n`);
      const { histograms, damage } = await inspectLatencyLog(folder, fixture.record.latency);
      expect(damage).toEqual([{ file: 'latency.hlog', what: 'has 1 line that cannot be read' }]);
      expect(histograms.connect?.totalCount).toBe(fixture.record.latency.connect.count);
    }
  });

  test('that is a pipe is not waited for', async () => {
    const folder = testFolder();
    execFileSync('mkfifo', [join(folder, 'latency.hlog')]);
    await expect(inspectLatencyLog(folder)).rejects.toMatchObject({ code: 'C2M_RECORD' });
  });
});

test('a record from elsewhere does not decide which file a report is written to', async () => {
  const folder = testFolder();
  const victim = join(testFolder(), 'victim');
  await writeFile(victim, 'mine');
  for (const name of ['run.json', 'report.html', 'junit.xml', 'summary.md', 'report.html.part']) {
    await symlink(victim, join(folder, name));
  }
  await writeRecord(folder, fixture.record);
  expect(await readFile(victim, 'utf8')).toBe('mine');
  expect(await readRunRecord(folder)).toEqual(fixture.record);
});
