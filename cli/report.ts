import { Command } from 'commander';
import { holdsCapacity, readCapacity } from '../record/capacity.js';
import { readRunRecord } from '../record/folder.js';
import { rejudge } from '../record/rejudge.js';
import { capacityForTerminal } from '../reports/capacity/capacity-text.js';
import { writeRecord } from '../reports/write.js';
import { writeCapacity } from '../reports/write-capacity.js';
import { statusOfCapacity } from './capacity-progress.js';
import type { Finish } from './exit-status.js';
import { printRun, statusOfRun } from './run-outcome.js';

export function reportCommand(finish: Finish): Command {
  return new Command('report')
    .description('Judges a record by its own gates again and renders report.html, junit.xml and summary.md.')
    .argument('<dir>', 'folder of the run record, or of a search of `c2m capacity`')
    .option('--json', 'print run.json and nothing else')
    .addHelpText('after', '\nExample:\n  c2m report runs/20260314-092653-quickstart\n')
    .action(async (folder: string, options: { json?: true }) => {
      if (await holdsCapacity(folder)) {
        const { capacity, text } = await writeCapacity(folder, await readCapacity(folder));
        process.stdout.write(options.json ? text : capacityForTerminal(capacity, folder));
        finish(statusOfCapacity(capacity));
        return;
      }
      const record = rejudge(await readRunRecord(folder));
      const { text, run } = await writeRecord(folder, record);
      printRun(run, folder, options.json ? text : undefined);
      finish(statusOfRun(run));
    });
}
