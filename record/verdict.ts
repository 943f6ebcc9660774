import { figureAt, reasonForNoFigure } from './figure.js';
import type { Gate } from './gate.js';
import type { Measurement, RunRecord } from './run.js';

type JudgedGate = RunRecord['gates'][number];

/**
 * Turns what was measured into a record with a verdict. In this order: a run that was cut short is `partial`, one
 * whose generator could not keep its schedule is `invalid`, and only then do the gates decide.
 * A figure that was not recorded fails its gate: silence is no proof that a limit held.
 */
export function judge(measurement: Measurement, gates: readonly Gate[]): RunRecord {
  const { isPartial, notes, ...figures } = measurement;
  const judged = gates.map((gate) => judgeGate({ ...figures, notes }, gate));
  return { ...figures, gates: judged, verdict: verdictOf(isPartial, figures.generator.valid, judged), notes };
}

function judgeGate(figures: Omit<RunRecord, 'gates' | 'verdict'>, gate: Gate): JudgedGate {
  const value = figureAt(figures, gate.metric);
  if (value === null) {
    return { expression: gate.expression, value, passed: false, note: reasonForNoFigure(gate.metric) };
  }
  return { expression: gate.expression, value, passed: holds(value, gate) };
}

function holds(value: number, { operator, limit }: Gate): boolean {
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '==':
      return value === limit;
    case '!=':
      return value !== limit;
  }
}

function verdictOf(isPartial: boolean, isValid: boolean, gates: JudgedGate[]): RunRecord['verdict'] {
  if (isPartial) return 'partial';
  if (!isValid) return 'invalid';
  return gates.every((gate) => gate.passed) ? 'passed' : 'failed';
}
