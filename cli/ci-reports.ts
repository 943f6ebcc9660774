import { appendFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { RECORD_FILES, writeRecordFile } from '../record/folder.js';
import { printable } from '../record/printable.js';
import { githubAnnotations, isGithubActions } from '../reports/github-annotations.js';
import { codeQualityReport } from '../reports/gitlab/code-quality.js';
import { metricsReport } from '../reports/gitlab/metrics-report.js';
import type { ReportedRun } from '../reports/reported-run.js';
import { repositoryFile } from './repository-file.js';

export interface CiFlags {
  github?: true;
  gitlab?: true;
}

/** What a run tells the CI job that it is part of. */
export function ciOptions(command: Command): Command {
  return command
    .option(
      '--github',
      'print annotations for gates that failed (on GitHub by itself, as is the summary in $GITHUB_STEP_SUMMARY)',
    )
    .option('--gitlab', 'write gl-code-quality-report.json and metrics.txt into the record');
}

/**
 * Tells the CI job how a run ended, once its record is written.
 * @param isMachineRead nothing may be printed but what was asked for
 */
export async function tellCi(
  run: ReportedRun,
  folder: string,
  { github, gitlab }: CiFlags,
  isMachineRead: boolean,
): Promise<void> {
  if ((github || isGithubActions()) && !isMachineRead)
    process.stdout.write(githubAnnotations(run, repositoryFile));
  const summary = process.env.GITHUB_STEP_SUMMARY;
  if (summary) await appendSummary(summary, folder);
  if (!gitlab) return;
  await writeRecordFile(folder, RECORD_FILES.codeQuality, codeQualityReport(run, repositoryFile));
  await writeRecordFile(folder, RECORD_FILES.metrics, metricsReport(run.record));
}

/** Of a step; of more, GitHub shows nothing at all. */
const LARGEST_STEP_SUMMARY_BYTES = 1024 * 1024;

/** A summary that cannot be written changes no verdict. */
async function appendSummary(file: string, folder: string): Promise<void> {
  try {
    const text = `${await readFile(join(folder, RECORD_FILES.summary), 'utf8')}\n`;
    // Several runs, and several commands of one step, write there, one after the other.
    const written = await stat(file).then(
      ({ size }) => size,
      () => 0,
    );
    if (written + Buffer.byteLength(text) <= LARGEST_STEP_SUMMARY_BYTES) return await appendFile(file, text);
    process.stderr.write(
      `the summary of the step has no room for this run, as GitHub takes 1 MiB; it is in ${printable(join(folder, RECORD_FILES.summary))}\n`,
    );
  } catch (error) {
    process.stderr.write(`the summary of the step was not written: ${printable((error as Error).message)}\n`);
  }
}
