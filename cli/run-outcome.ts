import { damageWords } from '../record/damage.js';
import { printable } from '../record/printable.js';
import type { ReportedRun } from '../reports/reported-run.js';
import { terminalSummary } from '../reports/terminal.js';
import { ExitStatus, statusOfVerdict } from './exit-status.js';

/**
 * Shows how a run ended.
 * @param json run.json, to be printed in place of everything that people would read
 */
export function printRun(run: ReportedRun, folder: string, json?: string): void {
  if (json === undefined) {
    process.stdout.write(terminalSummary(run, folder));
    return;
  }
  process.stdout.write(json);
  // run.json has no place for it.
  for (const damage of run.damage) {
    process.stderr.write(`${printable(folder)} is damaged: ${damageWords(damage)}\n`);
  }
}

/** A record that is damaged proves nothing, whatever its run.json says; one that failed has failed all the same. */
export function statusOfRun({ record, damage }: ReportedRun): ExitStatus {
  const status = statusOfVerdict(record.verdict);
  return damage.length > 0 && status === ExitStatus.Passed ? ExitStatus.Incomplete : status;
}
