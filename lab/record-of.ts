import type { Gate } from '../record/gate.js';
import type { Measurement, RunRecord } from '../record/run.js';
import { judge } from '../record/verdict.js';
import { tokenHider } from './hide-token.js';

/**
 * Makes records of what one run measured, while it goes on and at its end: judged, and without secrets.
 * @param notes of the scenario
 */
export function recordMaker(
  notes: readonly string[],
  gates: readonly Gate[],
): (measurement: Measurement) => RunRecord {
  let hide: ReturnType<typeof tokenHider> | undefined;
  return (measurement) => {
    hide ??= tokenHider(measurement.scenario);
    return judge(hide({ ...measurement, notes: [...notes, ...measurement.notes] }), gates);
  };
}
