import { Command } from 'commander';
import { readRecordsAt } from '../record/branch/records-at.js';
import { compareSets, type SetOfRuns } from '../record/comparison/compare-sets.js';
import { InputError } from '../record/input-error.js';
import type { Finish } from './exit-status.js';
import { collect } from './repeatable-option.js';
import { printComparison, readShare, statusOfComparison } from './show-comparison.js';
import { BETWEEN } from './sides.js';

interface CompareOptions {
  smallestEffect: string;
  differing?: string[];
  html?: string;
  junit?: string;
  markdown?: true;
  json?: true;
}

export function compareCommand(finish: Finish): Command {
  return new Command('compare')
    .description(
      'Compares two sets of runs, figure by figure. Each side is one record, a folder of records, or several of either; ' +
        'with more than one of a side write -- between them. The exit status is 99 where the second is worse, did not pass or ' +
        'cannot be compared, and 1 where the runs are too few to tell whether a figure that seems worse is.',
    )
    .argument(
      '<base>',
      'the record or the folder of records to compare with, or branch:NAME[:FOLDER] of this repository',
    )
    .argument('[records...]', 'the same for the runs in question; with -- in between, several of both')
    .option('--smallest-effect <share>', 'the smallest change worth reporting', '5%')
    .option(
      '--differing <path>',
      'what of the resolved scenario is meant to differ, as run.json has it; may be repeated',
      collect,
    )
    .option('--html <file>', 'write the comparison page')
    .option('--junit <file>', 'write JUnit XML')
    .option('--markdown', 'print Markdown, for a pull request')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  c2m compare runs/before runs/after
  c2m compare runs/base-1 runs/base-2 runs/base-3 -- runs/new-1 runs/new-2 runs/new-3 --html comparison.html
  c2m compare runs/memory runs/lmdb --differing target.store --markdown >> "$GITHUB_STEP_SUMMARY"
  c2m compare branch:c2m-baseline:chat record      # with what \`c2m baseline add\` keeps in a branch
`,
    )
    .action(async (base: string, records: string[], options: CompareOptions) => {
      const smallestEffect = readShare(options.smallestEffect);
      const [before, after] = sidesOf([base, ...records]);
      const [baseSet, currentSet] = [await readSide(before), await readSide(after)];
      const comparison = compareSets(baseSet, currentSet, {
        smallestEffect,
        differing: options.differing ?? [],
      });
      await printComparison(comparison, { base: baseSet.folders, current: currentSet.folders }, options);
      finish(statusOfComparison(comparison));
    });
}

/** The folders before and behind `--`; without it there are two. */
function sidesOf(words: string[]): [string[], string[]] {
  const cut = words.indexOf(BETWEEN);
  const folders = words.filter((word) => word !== BETWEEN);
  const [before, after] =
    cut < 0 ? [folders.slice(0, -1), folders.slice(-1)] : [words.slice(0, cut), words.slice(cut + 1)];
  if (cut < 0 && folders.length > 2)
    throw new InputError('write -- between the records to compare with and those in question');
  if (before.length === 0 || after.length === 0)
    throw new InputError('there is nothing to compare with; write c2m compare BASE... -- RUN...');
  return [before, after];
}

async function readSide(names: string[]): Promise<SetOfRuns & { folders: string[] }> {
  const found = (await Promise.all(names.map(readRecordsAt))).flat();
  const folders = found.map(({ folder }) => folder);
  return { name: names.join(', '), runs: found.map(({ record }) => record), folders };
}
