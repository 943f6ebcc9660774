import { constants } from 'node:fs';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Damage, missingSeconds } from './damage.js';
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
  codeQuality: 'gl-code-quality-report.json',
  metrics: 'metrics.txt',
  serverLog: 'server.log',
} as const;

/** Most that each file may hold: a day's run of a thousand workers has less. */
export const LARGEST_RECORD_BYTES = { run: 64 * 2 ** 20, timeline: 256 * 2 ** 20, latency: 256 * 2 ** 20 };

/** Levels of lists and maps in run.json; a record has about eight. */
const DEEPEST = 60;

/** A folder that is no run record, or one that this version cannot read. */
export class RecordError extends Error {
  readonly code = 'C2M_RECORD';
}

/** There is nothing of a set of runs yet, which is another matter than one that cannot be read. */
export class NoRecordsError extends RecordError {}

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
  return parseRunRecord(text, file);
}

/**
 * Reads the text of a `run.json`.
 * @param file names it in errors
 * @throws RecordError naming the first thing wrong with it
 */
export function parseRunRecord(text: string, file: string): RunRecord {
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

/** The seconds of a run that could be read, and what should have been there beside them. */
export interface Timeline {
  samples: TimelineSample[];
  damage: Damage[];
}

/** The samples of `timeline.ndjson` that can be read; `inspectTimeline` says what cannot. */
export async function readTimeline(folder: string): Promise<TimelineSample[]> {
  return (await inspectTimeline(folder)).samples;
}

/**
 * Reads `timeline.ndjson`. A line that is none is left out, so that the rest can be told, and is told as damage.
 * @param durationSeconds of the run; without it nothing is said of seconds that are missing
 * @throws RecordError for a file that cannot be read at all
 */
export async function inspectTimeline(folder: string, durationSeconds?: number): Promise<Timeline> {
  const file = join(folder, RECORD_FILES.timeline);
  const handle = await openInputFile(file, LARGEST_RECORD_BYTES.timeline).catch(recordError);
  const damaged = (what: string): Damage => ({ file: RECORD_FILES.timeline, what });
  if (!handle) return { samples: [], damage: [damaged('is missing')] };
  const samples: TimelineSample[] = [];
  const unreadable: Unreadable = { count: 0, first: [], isLastLine: false };
  let number = 0;
  // A file that still grows is read up to the limit.
  const input = handle.createReadStream({ end: LARGEST_RECORD_BYTES.timeline });
  for await (const line of createInterface({ input })) {
    number += 1;
    const sample = parseSample(line);
    // A line that goes back in time is none of this run.
    unreadable.isLastLine = !sample || sample.t <= (samples.at(-1)?.t ?? -1);
    if (sample && !unreadable.isLastLine) samples.push(sample);
    else addUnreadable(unreadable, number);
  }
  const damage = unreadable.count > 0 ? [damaged(unreadableWords(unreadable))] : [];
  const missing = durationSeconds === undefined ? [] : missingSeconds(samples, durationSeconds);
  return { samples, damage: [...damage, ...missing.map(damaged)] };
}

function parseSample(line: string): TimelineSample | undefined {
  try {
    return timelineSampleSchema.safeParse(JSON.parse(line)).data;
  } catch {
    // No JSON: that the line is left out is told by its number.
    return undefined;
  }
}

/** Lines that are none; there may be millions. */
interface Unreadable {
  count: number;
  /** Numbers of the first few. */
  first: number[];
  isLastLine: boolean;
}

const LINES_TOLD = 5;

function addUnreadable(unreadable: Unreadable, line: number): void {
  unreadable.count += 1;
  if (unreadable.first.length < LINES_TOLD) unreadable.first.push(line);
}

function unreadableWords({ count, first, isLastLine }: Unreadable): string {
  if (count > 1) {
    const more = count > LINES_TOLD ? ` and ${count - LINES_TOLD} more` : '';
    return `has ${count} lines that cannot be read: ${first.join(', ')}${more}`;
  }
  return isLastLine
    ? `is cut short: its last line, ${first[0]}, is no whole one`
    : `has a line that cannot be read: ${first[0]}`;
}

/** Nothing for a file that is not there. @throws RecordError for one that cannot be read */
export function recordError(error: Error): undefined {
  if (!(error instanceof InputFileError)) throw error;
  if (!error.isMissing) throw new RecordError(error.message);
  return undefined;
}

/** Under which name a file of a record is until it is whole; whoever is killed meanwhile leaves it. */
export function unfinishedFile(file: string): string {
  return `${file}.part`;
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
  const unfinished = unfinishedFile(file);
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
