import { parseGate } from './gate.js';
import type { RunRecord } from './run.js';
import { judge } from './verdict.js';

/**
 * Judges a record again from its own figures and gates, as `c2m report` does.
 * What was cut short stays partial: the record holds no more than was measured.
 * @throws whatever `parseGate` throws for an expression that this version does not understand.
 */
export function rejudge(record: RunRecord): RunRecord {
  const { gates, verdict, ...measured } = record;
  return judge(
    { ...measured, isPartial: verdict === 'partial' || record.aborted !== undefined },
    gates
      .filter(({ isImplied }) => !isImplied)
      .map(({ expression, limit }) => ({ ...parseGate(expression), ...(limit !== undefined && { limit }) })),
  );
}
