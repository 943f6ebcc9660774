import { writeFile } from 'node:fs/promises';
import type { SetComparison } from '../record/comparison/compare-sets.js';
import type { Side } from '../record/comparison/interleaving.js';
import { InputError } from '../record/input-error.js';
import { printable, printableJson } from '../record/printable.js';
import { parseQuantity } from '../record/quantity.js';
import { comparisonJunit } from '../reports/comparison-junit.js';
import { comparisonAsMarkdown, comparisonForTerminal, conclusion } from '../reports/comparison-text.js';
import { distributionsOf } from '../reports/distributions.js';
import { githubError, isGithubActions } from '../reports/github-annotations.js';
import { comparisonPage } from '../reports/html/comparison-page.js';
import { ExitStatus } from './exit-status.js';

export interface ShowOptions {
  html?: string;
  junit?: string;
  markdown?: true;
  json?: true;
}

/** Prints a comparison as it was asked for, and writes the files that were asked for. */
export async function printComparison(
  comparison: SetComparison,
  folders: Record<Side, readonly string[]>,
  options: ShowOptions,
): Promise<void> {
  if (options.html !== undefined)
    await writeFile(options.html, comparisonPage(comparison, await distributionsOf(folders)));
  if (options.junit !== undefined) await writeFile(options.junit, comparisonJunit(comparison));
  if (options.json) process.stdout.write(`${printableJson(withoutRecords(comparison), 2)}\n`);
  else if (options.markdown) process.stdout.write(comparisonAsMarkdown(comparison));
  else process.stdout.write(comparisonForTerminal(comparison));
  if (isGithubActions() && !options.json && comparison.outcome !== 'not worse')
    process.stdout.write(githubError('c2m compare', printable(conclusion(comparison))));
}

/** Undecided proves nothing, like a run that could not be completed. */
export function statusOfComparison({ outcome }: SetComparison): ExitStatus {
  switch (outcome) {
    case 'worse':
      return ExitStatus.GateFailed;
    case 'undecided':
      return ExitStatus.Incomplete;
    case 'not worse':
      return ExitStatus.Passed;
  }
}

/** Whoever reads the JSON finds the records by their ids. */
function withoutRecords(comparison: SetComparison): object {
  const idsOf = ({ name, runs }: SetComparison['base']) => ({
    name,
    runs: runs.map(({ id, startedAt, verdict }) => ({ id, startedAt, verdict })),
  });
  return { ...comparison, base: idsOf(comparison.base), current: idsOf(comparison.current) };
}

/** @throws InputError */
export function readShare(text: string): number {
  try {
    return parseQuantity('share', text);
  } catch (error) {
    throw new InputError(`--smallest-effect: ${(error as Error).message}`);
  }
}
