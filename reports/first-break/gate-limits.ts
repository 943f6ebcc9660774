import { type Gate, GateError, parseGate } from '../../record/gate.js';
import type { RunRecord } from '../../record/run.js';

/** A gate of the record as it was judged, with what its expression says. */
export interface JudgedGate extends Gate {
  value: number | null;
  passed: boolean;
}

/** The gates that this version understands; the others are told where gates are listed. */
export function judgedGates(record: RunRecord): JudgedGate[] {
  return record.gates.flatMap(({ expression, value, passed }) => {
    try {
      return [{ ...parseGate(expression), value, passed }];
    } catch (error) {
      if (!(error instanceof GateError)) throw error;
      return [];
    }
  });
}

/** Does a gate demand that this happens, as one of a scenario about refusals does? Then it is no trouble. */
export function isWanted(gates: readonly JudgedGate[], metric: RegExp): boolean {
  return gates.some(
    ({ metric: path, operator, limit }) =>
      metric.test(path) &&
      (operator === '>' || (operator === '>=' && limit > 0) || (operator === '==' && limit > 0)),
  );
}

/** Gates that set an upper limit. */
export function upperLimits(gates: readonly JudgedGate[]): JudgedGate[] {
  return gates.filter(({ operator }) => operator === '<' || operator === '<=');
}
