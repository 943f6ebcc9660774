import { GateError, parseGate } from '../../record/gate.js';

/** Upper limits that gates set for the latency of a delivery. */
export function latencyLimits(expressions: readonly string[]): { expression: string; ms: number }[] {
  return expressions.flatMap((expression) => {
    try {
      const { metric, operator, limit } = parseGate(expression);
      const isUpper = operator === '<' || operator === '<=';
      return isUpper && /^latency\.delivered\.p\d+$/.test(metric) ? [{ expression, ms: limit }] : [];
    } catch (error) {
      // A gate of a version that knows more than this one is not drawn.
      if (!(error instanceof GateError)) throw error;
      return [];
    }
  });
}
