import { Command } from 'commander';
import { holdsCapacity, readCapacity } from '../record/capacity.js';
import { readRunRecord } from '../record/folder.js';
import { rejudge } from '../record/rejudge.js';
import { capacityForTerminal } from '../reports/capacity/capacity-text.js';
import { writeRecord } from '../reports/write.js';
import { writeCapacity } from '../reports/write-capacity.js';
import { statusOfCapacity } from './capacity-progress.js';
import { type CiFlags, ciOptions, tellCi } from './ci-reports.js';
import type { Finish } from './exit-status.js';
import { printRun, statusOfRun } from './run-outcome.js';

export function reportCommand(finish: Finish): Command {
  const command = new Command('report')
    .description('Judges a record by its own gates again and renders report.html, junit.xml and summary.md.')
    .argument('<dir>', 'folder of the run record, or of a search of `c2m capacity`')
    .option('--json', 'print run.json and nothing else')
    .addHelpText(
      'after',
      `
Examples:
  c2m report runs/20260314-092653-quickstart
  c2m report record --gitlab      # record/gl-code-quality-report.json and record/metrics.txt, for artifacts:reports
  c2m report record --github      # annotations, and the summary of the step where GitHub names one
`,
    )
    .action(async (folder: string, options: CiFlags & { json?: true }) => {
      if (await holdsCapacity(folder)) {
        const { capacity, text } = await writeCapacity(folder, await readCapacity(folder));
        process.stdout.write(options.json ? text : capacityForTerminal(capacity, folder));
        finish(statusOfCapacity(capacity));
        return;
      }
      const record = rejudge(await readRunRecord(folder));
      const { text, run } = await writeRecord(folder, record);
      printRun(run, folder, options.json ? text : undefined);
      await tellCi(run, folder, options, options.json ?? false);
      finish(statusOfRun(run));
    });
  return ciOptions(command);
}
