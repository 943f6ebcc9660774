import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type RunRecord, runRecordSchema } from './run.js';
import type { TimelineSample } from './timeline.js';

/** The files of a run record, by what they hold. */
export const RECORD_FILES = {
  run: 'run.json',
  timeline: 'timeline.ndjson',
  latency: 'latency.hlog',
  html: 'report.html',
  junit: 'junit.xml',
  summary: 'summary.md',
} as const;

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
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new RecordError(`${folder} holds no run record: ${(error as Error).message}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RecordError(`${file} is not JSON: ${(error as Error).message}`);
  }
  const parsed = runRecordSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new RecordError(`${file} is not a c2m.run/1 record: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  return parsed.data;
}

/** Reads `timeline.ndjson`; a last line cut short by a crash is left out. */
export async function readTimeline(folder: string): Promise<TimelineSample[]> {
  const samples: TimelineSample[] = [];
  const lines = createInterface({ input: createReadStream(join(folder, RECORD_FILES.timeline)) });
  for await (const line of lines) {
    if (!line.endsWith('}')) continue;
    samples.push(JSON.parse(line) as TimelineSample);
  }
  return samples;
}
