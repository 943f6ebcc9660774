import { Command } from 'commander';
import { addToBranch } from '../record/branch/add-to-branch.js';
import { branchAddressText, parseBranchAddress } from '../record/branch/branch-address.js';
import { readRecordsAt } from '../record/branch/records-at.js';
import { NoRecordsError } from '../record/folder.js';
import { InputError } from '../record/input-error.js';
import { printable } from '../record/printable.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { readNumberOfRuns } from './number-of-runs.js';

const MOST_KEPT = 1000;

export function baselineCommand(finish: Finish): Command {
  const command = new Command('baseline').description(
    'Records in a branch of the repository, to compare with: it is never checked out. ' +
      'Wherever a folder of records is taken, branch:NAME[:FOLDER] is too.',
  );
  command
    .command('add')
    .description('Adds a record to the branch as one commit; push it yourself (git push origin NAME).')
    .argument('<dir>', 'folder of the run record')
    .requiredOption('--to <branch>', 'branch:NAME or branch:NAME:FOLDER; made where it is not there')
    .option('--keep <n>', 'so many of the newest stay in that folder', '20')
    .option('--passed-only', 'do nothing where the run did not pass')
    .addHelpText('after', '\nExample:\n  c2m baseline add record --to branch:c2m-baseline:chat --keep 10\n')
    .action(async (folder: string, options: { to: string; keep: string; passedOnly?: true }) => {
      const address = parseBranchAddress(options.to);
      if (!address)
        throw new InputError(
          `--to: write a branch, such as --to branch:c2m-baseline:${printable(options.to)}`,
        );
      const keep = readNumberOfRuns('--keep', options.keep, 1, MOST_KEPT);
      const [found] = options.passedOnly ? await readRecordsAt(folder) : [];
      if (found && found.record.verdict !== 'passed') {
        process.stdout.write(
          `nothing was added: ${printable(folder)} is ${found.record.verdict}, and no base line\n`,
        );
        return finish(ExitStatus.Passed);
      }
      const { folder: place, commit, removed } = await addToBranch(folder, address, { keep });
      const gone = removed.length > 0 ? `; ${removed.length} older made room` : '';
      process.stdout.write(
        `${printable(place)} is in ${address.branch} now (${commit.slice(0, 12)})${gone}\n`,
      );
      finish(ExitStatus.Passed);
    });
  command
    .command('list')
    .description('The records of a base line.')
    .argument('<place>', 'branch:NAME[:FOLDER], or a folder')
    .option(
      '--if-any',
      'where there is none yet, say so and list nothing; what cannot be read is still a fault',
    )
    .action(async (place: string, { ifAny }: { ifAny?: true }) => {
      const address = parseBranchAddress(place);
      const found = await readRecordsAt(address ? branchAddressText(address) : place).catch(
        (error: Error) => {
          if (!ifAny || !(error instanceof NoRecordsError)) throw error;
          process.stderr.write(`${error.message}\n`);
          return [];
        },
      );
      for (const { folder, record } of found)
        process.stdout.write(
          printable(`${record.startedAt}  ${record.verdict.padEnd(7)}  ${folder}`).concat('\n'),
        );
      finish(ExitStatus.Passed);
    });
  return command.addHelpText(
    'after',
    `
Examples:
  c2m baseline add record --to branch:c2m-baseline:chat
  c2m baseline list branch:c2m-baseline:chat
  c2m compare branch:c2m-baseline:chat record
  c2m run my.yaml --baseline branch:c2m-baseline:chat
`,
  );
}
