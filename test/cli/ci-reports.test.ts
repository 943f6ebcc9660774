import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { tellCi } from '../../cli/ci-reports.js';
import { readReportedRun } from '../../reports/reported-run.js';
import { writeRecord } from '../../reports/write.js';
import { recordFixture, writeRecordFolder } from '../fixtures/record.js';
import { testFolder } from '../support/folder.js';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test('the summary of a step stays within the 1 MiB of which GitHub shows anything, and says where the rest is', async () => {
  const fixture = recordFixture();
  const folder = await writeRecordFolder(fixture);
  await writeRecord(folder, fixture.record);
  const run = await readReportedRun(folder, fixture.record);
  const summary = join(testFolder(), 'summary');
  vi.stubEnv('GITHUB_STEP_SUMMARY', summary);
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await tellCi(run, folder, {}, true);
  const first = readFileSync(summary, 'utf8');
  expect(first).toContain(fixture.record.name);
  expect(said).not.toHaveBeenCalled();

  writeFileSync(summary, 'x'.repeat(1024 * 1024 - 10));
  await tellCi(run, folder, {}, true);
  expect(readFileSync(summary)).toHaveLength(1024 * 1024 - 10);
  expect(said.mock.calls.flat().join('')).toContain(join(folder, 'summary.md'));
  await rm(folder, { recursive: true });
});
