import { Command } from 'commander';
import { readRunRecord } from '../record/folder.js';
import { rejudge } from '../record/rejudge.js';
import { writeRecord } from '../reports/write.js';
import type { Finish } from './exit-status.js';
import { printRun, statusOfRun } from './run-outcome.js';

export function reportCommand(finish: Finish): Command {
  return new Command('report')
    .description('Judges a record by its own gates again and renders report.html, junit.xml and summary.md.')
    .argument('<dir>', 'folder of the run record')
    .option('--json', 'print run.json and nothing else')
    .addHelpText('after', '\nExample:\n  c2m report runs/20260314-092653-quickstart\n')
    .action(async (folder: string, options: { json?: true }) => {
      const record = rejudge(await readRunRecord(folder));
      const { text, run } = await writeRecord(folder, record);
      printRun(run, folder, options.json ? text : undefined);
      finish(statusOfRun(run));
    });
}
