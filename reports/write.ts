import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORD_FILES, readTimeline } from '../record/folder.js';
import type { RunRecord } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import { htmlReport } from './html/page.js';
import { junitXml } from './junit.js';
import { readLatencyLog } from './latency-log.js';
import { markdownSummary } from './markdown.js';

/**
 * Writes `report.html`, `junit.xml` and `summary.md` into the record's folder, from what is in it.
 * A record without a timeline or latency log, such as one stopped at once, still gets its reports.
 */
export async function writeReports(folder: string, record: RunRecord): Promise<void> {
  const [samples, histograms] = await Promise.all([timelineOf(folder), readLatencyLog(folder)]);
  const html = await htmlReport(record, samples, histograms);
  await Promise.all([
    writeFile(join(folder, RECORD_FILES.html), html),
    writeFile(join(folder, RECORD_FILES.junit), junitXml(record)),
    writeFile(join(folder, RECORD_FILES.summary), markdownSummary(record)),
  ]);
}

async function timelineOf(folder: string): Promise<TimelineSample[]> {
  try {
    return await readTimeline(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
