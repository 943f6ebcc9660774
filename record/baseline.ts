import { median } from './comparison/sample.js';
import { figureAt } from './figure.js';
import { type Gate, GateError } from './gate.js';
import type { RunRecord } from './run.js';

/**
 * The gates with limits for those that are set against a base line: its figure is the median over the runs of that.
 * @throws GateError where a gate needs a base line and there is none, or it does not have the figure
 */
export function withBaseline(gates: readonly Gate[], runs: readonly RunRecord[]): Gate[] {
  return gates.map((gate) => {
    if (gate.baselineFactor === undefined) return gate;
    if (runs.length === 0) {
      throw new GateError(
        `${gate.expression} needs a base line; give --baseline with the folder of a record, or of a set of runs`,
      );
    }
    const figures = runs.map((run) => figureAt(run, gate.metric)).filter((value) => value !== null);
    if (figures.length < runs.length) {
      throw new GateError(
        `${gate.expression}: ${gate.metric} is not in ${runs.length - figures.length} of the ${runs.length} runs of the base line`,
      );
    }
    return { ...gate, limit: median(figures) * gate.baselineFactor };
  });
}
