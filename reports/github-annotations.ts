import { damageWords } from '../record/damage.js';
import { printable, printableData } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import { gatePlace } from './gate-line.js';
import type { ReportedRun } from './reported-run.js';
import { explainVerdict, gateValue, isJudged } from './statement.js';

/** Are we run by GitHub Actions, which reads commands from what is printed? */
export function isGithubActions(environment: NodeJS.ProcessEnv = process.env): boolean {
  return environment.GITHUB_ACTIONS === 'true';
}

/** A place in the repository; GitHub shows what is said of it beside that line. */
export interface Place {
  file: string;
  line?: number;
}

/**
 * An `::error` for each gate that failed, at its line in the scenario, and for what else keeps the run from having passed; a
 * line each.
 * @param inRepository a file of the record as the repository has it; undefined: it does not
 */
export function githubAnnotations(
  { name, record: measured, damage }: ReportedRun,
  inRepository: (file: string) => string | undefined = () => undefined,
): string {
  const record = printableData(measured);
  const title = `c2m ${record.name}`;
  const failed = record.gates.filter((gate) => !gate.passed && isJudged(record, gate));
  const ofGates = failed.map((gate) =>
    githubError(
      title,
      `${gate.expression} did not hold: ${gateValue(gate)}`,
      placeOfGate(measured.scenario, gate.expression, inRepository),
    ),
  );
  const messages = [
    ...(record.verdict === 'invalid' || record.verdict === 'partial' ? [explainVerdict(record)] : []),
    ...damage.map((each) => `the record ${printableData(name)} is damaged: ${damageWords(each)}`),
  ];
  return [...ofGates, ...messages.map((message) => githubError(title, message))].join('');
}

function placeOfGate(
  scenario: RunRecord['scenario'],
  expression: string,
  inRepository: (file: string) => string | undefined,
): Place | undefined {
  const { file: named, line } = gatePlace(scenario, expression);
  const file = inRepository(named);
  if (file === undefined) return undefined;
  return { file: printable(file), ...(line !== undefined && { line }) };
}

/**
 * One workflow command, as the runner's toolkit writes it (actions/toolkit, command.ts): what would end a line, a
 * property or the command is escaped by its code.
 */
export function githubError(title: string, message: string, place?: Place): string {
  const where = place ? [['file', place.file] as const, ['line', place.line] as const] : [];
  const properties = [...where, ['title', title] as const]
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escapedProperty(String(value))}`);
  return `::error ${properties.join(',')}::${escapedData(message)}\n`;
}

function escapedData(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function escapedProperty(text: string): string {
  return escapedData(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
}
