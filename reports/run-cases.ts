import { damageWords } from '../record/damage.js';
import { printableData } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import type { ReportedRun } from './reported-run.js';
import { explainVerdict, gateValue, isJudged } from './statement.js';

/** One thing that a run has to hold. */
export interface RunCase {
  name: string;
  /** Why it does not; null: it does. */
  failure: string | null;
}

/** Each gate, the honesty of the generator, the record itself and, for a run that was cut short, that it was. */
export function casesOf({ record, damage }: Pick<ReportedRun, 'record' | 'damage'>): RunCase[] {
  const cases: RunCase[] = [
    ...record.gates.map((gate) => ({
      name: gate.expression,
      failure: gate.passed ? null : gateFailure(record, gate),
    })),
    {
      name: 'generator kept its schedule',
      failure: record.generator.valid ? null : explainVerdict({ ...record, verdict: 'invalid' }),
    },
    {
      name: 'the record is complete',
      failure: damage.length === 0 ? null : `The record is damaged: ${damage.map(damageWords).join('; ')}.`,
    },
  ];
  if (record.verdict === 'partial')
    cases.push({ name: 'the run was completed', failure: explainVerdict(record) });
  return cases;
}

/** Why a run has not passed, a line each; nothing: it has. */
export function problemsOf(run: Pick<ReportedRun, 'record' | 'damage'>): string[] {
  const record = printableData(run.record);
  const problems = casesOf({ ...run, record }).flatMap(({ failure }) => (failure === null ? [] : [failure]));
  // A run of which no single part fails, such as one whose target died while every gate held.
  return problems.length === 0 && record.verdict !== 'passed' ? [explainVerdict(record)] : problems;
}

function gateFailure(record: RunRecord, gate: RunRecord['gates'][number]): string {
  const how = isJudged(record, gate) ? 'did not hold' : 'was not judged';
  return `${gate.expression} ${how}: ${gateValue(gate).replace(/^not judged: /, '')}`;
}
