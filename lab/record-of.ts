import type { Gate } from '../record/gate.js';
import type { Measurement, RunRecord } from '../record/run.js';
import { judge } from '../record/verdict.js';
import type { LoadedScenario } from '../scenarios/load.js';
import { tokenHider } from './hide-token.js';

/** Makes records of what one run measured, while it goes on and at its end: judged, and without secrets. */
export function recordMaker(
  { notes, secrets }: Pick<LoadedScenario, 'notes' | 'secrets'>,
  gates: readonly Gate[],
): (measurement: Measurement) => RunRecord {
  let hide: ReturnType<typeof tokenHider> | undefined;
  return (measurement) => {
    hide ??= tokenHider(measurement.scenario, secrets);
    return judge(hide({ ...measurement, notes: [...notes, ...measurement.notes] }), gates);
  };
}
