import { Command } from 'commander';
import { readRunRecord } from '../record/folder.js';
import { rejudge } from '../record/rejudge.js';
import { writeRecord } from '../reports/write.js';
import { type CiFlags, ciOptions, tellCi } from './ci-reports.js';
import type { Finish } from './exit-status.js';
import { printRun, statusOfRun } from './run-outcome.js';

export function reportCommand(finish: Finish): Command {
  const command = new Command('report')
    .description('Judges a record by its own gates again and renders report.html, junit.xml and summary.md.')
    .argument('<dir>', 'folder of the run record')
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
      const record = rejudge(await readRunRecord(folder));
      const { text, run } = await writeRecord(folder, record);
      printRun(run, folder, options.json ? text : undefined);
      await tellCi(run, folder, options, options.json ?? false);
      finish(statusOfRun(run));
    });
  return ciOptions(command);
}
