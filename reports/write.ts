import { RECORD_FILES, writeRecordFile } from '../record/folder.js';
import { printableJson } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import { htmlReport } from './html/page.js';
import { junitXml } from './junit.js';
import { markdownSummary } from './markdown.js';
import { type ReportedRun, readReportedRun } from './reported-run.js';

/** A record as it was written, with all that its reports were made from. */
export interface WrittenRecord {
  /** Of run.json. */
  text: string;
  run: ReportedRun;
}

/**
 * Writes `report.html`, `junit.xml` and `summary.md` into the record's folder, from what is in it. What is missing there
 * or damaged is told in each of them.
 */
export async function writeReports(folder: string, record: RunRecord): Promise<ReportedRun> {
  const run = await readReportedRun(folder, record);
  const html = await htmlReport(run);
  await Promise.all([
    writeRecordFile(folder, RECORD_FILES.html, html),
    writeRecordFile(folder, RECORD_FILES.junit, junitXml(run)),
    writeRecordFile(folder, RECORD_FILES.summary, markdownSummary(run)),
  ]);
  return run;
}

/** Writes run.json and the reports that follow from it. */
export async function writeRecord(folder: string, record: RunRecord): Promise<WrittenRecord> {
  const text = `${printableJson(record, 2)}\n`;
  await writeRecordFile(folder, RECORD_FILES.run, text);
  return { text, run: await writeReports(folder, record) };
}
