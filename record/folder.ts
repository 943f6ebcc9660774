import { constants } from 'node:fs';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InputFileError, openInputFile, readTextFile } from './input-file.js';
import { isNestedDeeper } from './nesting.js';
import { printable } from './printable.js';
import { type RunRecord, runRecordSchema } from './run.js';
import { type TimelineSample, timelineSampleSchema } from './timeline.js';

/** The files of a run record, by what they hold. */
export const RECORD_FILES = {
  run: 'run.json',
  timeline: 'timeline.ndjson',
  latency: 'latency.hlog',
  html: 'report.html',
  junit: 'junit.xml',
  summary: 'summary.md',
} as const;

/** Most that each file may hold: a day's run of a thousand workers has less. */
export const LARGEST_RECORD_BYTES = { run: 64 * 2 ** 20, timeline: 256 * 2 ** 20, latency: 256 * 2 ** 20 };

/** Levels of lists and maps in run.json; a record has about eight. */
const DEEPEST = 60;

/** A folder that is no run record, or one that this version cannot read. */
export class RecordError extends Error {
  readonly code = 'C2M_RECORD';
}

/**
 * Reads `run.json` of a record.
 * @throws RecordError naming the folder and the first thing wrong with it.
 */
export async function readRunRecord(folder: string): Promise<RunRecord> {
  const file = join(folder, RECORD_FILES.run);
  const text = await readTextFile(file, LARGEST_RECORD_BYTES.run).catch(async (error: Error) => {
    if (!(error instanceof InputFileError)) throw error;
    if (error.isMissing && (await exists(join(folder, RECORD_FILES.timeline)))) {
      throw new RecordError(
        `${printable(folder)} holds the beginning of a run only: it was ended before it could write ${RECORD_FILES.run} ` +
          '(a second Ctrl-C, a kill or a crash), so there is nothing to judge; run the scenario again',
      );
    }
    throw new RecordError(`${printable(folder)} holds no run record: ${error.message}`);
  });
  const json = parseJson(text, file);
  if (isNestedDeeper(json, DEEPEST)) {
    throw new RecordError(`${printable(file)} is nested more than ${DEEPEST} levels deep; no record is`);
  }
  const parsed = runRecordSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new RecordError(
      printable(`${file} is not a c2m.run/1 record: ${issue?.path.join('.')}: ${issue?.message}`),
    );
  }
  return parsed.data;
}

/**
 * Reads `timeline.ndjson`; a last line cut short by a crash is left out.
 * @returns nothing where there is no such file
 * @throws RecordError for a line that is none
 */
export async function readTimeline(folder: string): Promise<TimelineSample[]> {
  const file = join(folder, RECORD_FILES.timeline);
  const handle = await openInputFile(file, LARGEST_RECORD_BYTES.timeline).catch(recordError);
  if (!handle) return [];
  const samples: TimelineSample[] = [];
  let number = 0;
  // A file that still grows is read up to the limit.
  const input = handle.createReadStream({ end: LARGEST_RECORD_BYTES.timeline });
  for await (const line of createInterface({ input })) {
    number += 1;
    if (!line.endsWith('}')) continue;
    const place = `${file}:${number}`;
    const parsed = timelineSampleSchema.safeParse(parseJson(line, place));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new RecordError(
        printable(`${place} is no line of a timeline: ${issue?.path.join('.')}: ${issue?.message}`),
      );
    }
    samples.push(parsed.data);
  }
  return samples;
}

/** Nothing for a file that is not there. @throws RecordError for one that cannot be read */
export function recordError(error: Error): undefined {
  if (!(error instanceof InputFileError)) throw error;
  if (!error.isMissing) throw new RecordError(error.message);
  return undefined;
}

/**
 * Writes a file of a record as a whole or not at all. Where somebody has put a link in its place, the link goes: a
 * record from elsewhere does not decide what is written to on this machine.
 */
export async function writeRecordFile(
  folder: string,
  name: (typeof RECORD_FILES)[keyof typeof RECORD_FILES],
  text: string,
): Promise<void> {
  const file = join(folder, name);
  const unfinished = `${file}.part`;
  await rm(unfinished, { force: true });
  await writeFile(unfinished, text, { flag: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL });
  await rename(unfinished, file);
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RecordError(printable(`${place} is not JSON: ${(error as Error).message}`));
  }
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}
