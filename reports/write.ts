import { RECORD_FILES, readTimeline, writeRecordFile } from '../record/folder.js';
import { printableJson } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import { htmlReport } from './html/page.js';
import { junitXml } from './junit.js';
import { readLatencyLog } from './latency-log.js';
import { markdownSummary } from './markdown.js';

/**
 * Writes `report.html`, `junit.xml` and `summary.md` into the record's folder, from what is in it.
 * A record without a timeline or latency log, such as one stopped at once, still gets its reports.
 */
export async function writeReports(folder: string, record: RunRecord): Promise<void> {
  const [samples, histograms] = await Promise.all([readTimeline(folder), readLatencyLog(folder)]);
  const html = await htmlReport(record, samples, histograms);
  await Promise.all([
    writeRecordFile(folder, RECORD_FILES.html, html),
    writeRecordFile(folder, RECORD_FILES.junit, junitXml(record)),
    writeRecordFile(folder, RECORD_FILES.summary, markdownSummary(record)),
  ]);
}

/**
 * Writes run.json and the reports that follow from it.
 * @returns the text of run.json
 */
export async function writeRecord(folder: string, record: RunRecord): Promise<string> {
  const text = `${printableJson(record, 2)}\n`;
  await writeRecordFile(folder, RECORD_FILES.run, text);
  await writeReports(folder, record);
  return text;
}
