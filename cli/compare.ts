import { Command } from 'commander';
import { readRunRecord } from '../record/folder.js';
import { InputError } from '../record/input-error.js';
import { printableJson } from '../record/printable.js';
import { parseQuantity } from '../record/quantity.js';
import { compareRecords } from '../reports/compare.js';
import { comparisonAsMarkdown, comparisonForTerminal } from '../reports/comparison-text.js';
import { ExitStatus, type Finish } from './exit-status.js';

interface CompareOptions {
  tolerance: string;
  markdown?: true;
  json?: true;
}

export function compareCommand(finish: Finish): Command {
  return new Command('compare')
    .summary('two run records side by side; exit status 99 on a regression')
    .description('Shows two run records side by side. The exit status is 99 when the second is worse.')
    .argument('<base>', 'folder of the record to compare with')
    .argument('<dir>', 'folder of the record in question')
    .option('--tolerance <share>', 'how much worse a figure may be', '10%')
    .option('--markdown', 'print Markdown, for a pull request')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  c2m compare runs/before runs/after
  c2m compare runs/before runs/after --tolerance 5% --markdown >> "$GITHUB_STEP_SUMMARY"
`,
    )
    .action(async (base: string, current: string, options: CompareOptions) => {
      const tolerance = readTolerance(options.tolerance);
      const comparison = compareRecords(await readRunRecord(base), await readRunRecord(current), tolerance);
      if (options.json) process.stdout.write(`${printableJson(comparison, 2)}\n`);
      else if (options.markdown) process.stdout.write(comparisonAsMarkdown(comparison));
      else process.stdout.write(comparisonForTerminal(comparison));
      finish(comparison.regressions.length > 0 ? ExitStatus.GateFailed : ExitStatus.Passed);
    });
}

function readTolerance(text: string): number {
  try {
    return parseQuantity('share', text);
  } catch (error) {
    throw new InputError(`--tolerance: ${(error as Error).message}`);
  }
}
