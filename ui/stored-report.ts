import { readRunRecord } from '../record/folder.js';
import { htmlReport } from '../reports/html/page.js';
import { readReportedRun } from '../reports/reported-run.js';
import { demandNoLinks } from './record-folders.js';

/**
 * What a report may do in a browser: run its own script, and nothing else. What it tells may have come from anywhere, so it
 * gets an origin of its own, from which it reaches neither the other pages nor the network.
 */
export const REPORT_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The report of a record, made from its data. The `report.html` beside them is not shown: whoever has sent the folder may
 * have written anything into it, and no policy keeps a page from leading its tab to another address.
 * @throws RecordError, InputFileError
 */
export async function reportOf(folder: string): Promise<string> {
  await demandNoLinks(folder);
  return htmlReport(await readReportedRun(folder, await readRunRecord(folder)));
}
