import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORD_FILES, readRunRecord } from '../record/folder.js';
import { htmlReport } from '../reports/html/page.js';
import { readReportedRun } from '../reports/reported-run.js';
import { demandNoLinks } from './record-folders.js';

/** A day's run of a thousand workers has less. */
const LARGEST_BYTES = 256 * 2 ** 20;

/**
 * What a report may do in a browser: run its own script, and nothing else. The file may have come from anywhere, so it
 * gets an origin of its own, from which it reaches neither the other pages nor the network.
 */
export const REPORT_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The report of a record: the file beside it, or one made now where there is none. @throws RecordError, InputFileError */
export async function reportOf(folder: string): Promise<NodeJS.ReadableStream | string> {
  const handle = await openReport(folder);
  if (handle) return handle.createReadStream();
  await demandNoLinks(folder);
  return htmlReport(await readReportedRun(folder, await readRunRecord(folder)));
}

/** Undefined: there is none that can be shown. A link is none: it may lead anywhere. */
async function openReport(folder: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(join(folder, RECORD_FILES.html), flags).catch(() => undefined);
  if (!handle) return undefined;
  const found = await handle.stat();
  if (found.isFile() && found.size > 0 && found.size <= LARGEST_BYTES) return handle;
  await handle.close();
  return undefined;
}
