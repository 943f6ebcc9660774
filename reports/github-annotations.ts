import { damageWords } from '../record/damage.js';
import { printableData } from '../record/printable.js';
import type { ReportedRun } from './reported-run.js';
import { explainVerdict, gateValue, isJudged } from './statement.js';

/** Are we run by GitHub Actions, which reads commands from what is printed? */
export function isGithubActions(environment: NodeJS.ProcessEnv = process.env): boolean {
  return environment.GITHUB_ACTIONS === 'true';
}

/** An `::error` for each gate that failed, and for what else keeps the run from having passed; a line each. */
export function githubAnnotations({ name, record: measured, damage }: ReportedRun): string {
  const record = printableData(measured);
  const title = `c2m ${record.name}`;
  const failed = record.gates.filter((gate) => !gate.passed && isJudged(record, gate));
  const messages = [
    ...failed.map((gate) => `${gate.expression} did not hold: ${gateValue(gate)}`),
    ...(record.verdict === 'invalid' || record.verdict === 'partial' ? [explainVerdict(record)] : []),
    ...damage.map((each) => `the record ${printableData(name)} is damaged: ${damageWords(each)}`),
  ];
  return messages.map((message) => githubError(title, message)).join('');
}

/**
 * One workflow command, as the runner's toolkit writes it (actions/toolkit, command.ts): what would end a line, a
 * property or the command is escaped by its code.
 */
export function githubError(title: string, message: string): string {
  return `::error title=${escapedProperty(title)}::${escapedData(message)}\n`;
}

function escapedData(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function escapedProperty(text: string): string {
  return escapedData(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
}
