import { InputError } from '../../record/input-error.js';
import { formatQuantity } from '../../record/quantity.js';
import type { Scenario } from '../../scenarios/scenario.js';

/** What is looked for: the most messages a second, or the most clients. */
export type Wanted = 'messages.rate' | 'clients.count';

export const WANTED: readonly Wanted[] = ['messages.rate', 'clients.count'];

/** What a trial changes of its scenario. */
export interface TrialChange {
  find: Wanted;
  level: number;
  /** Rates grow with the clients. */
  isPerClient: boolean;
  /** Of all phases together. */
  durationMs: number;
  gates: readonly string[];
  /** Of an embedded server. */
  workers: number | null;
}

const SHORTEST_PHASE_MS = 100;

/**
 * A trial as overrides of its scenario, so that its record says what was run, and whoever wants it can run it again. Phases
 * keep their proportions, in time and in load: the level is that of the busiest.
 */
export function trialOverrides(scenario: Scenario, change: TrialChange): string[] {
  const { find, level, isPerClient, gates, workers } = change;
  const longer = change.durationMs / phasesMs(scenario);
  const growth = level / levelOf(scenario, find);
  const areRatesChanged = find === 'messages.rate' || isPerClient;
  return [
    ...(find === 'clients.count' ? [`clients.count=${level}`] : []),
    ...scenario.phases.flatMap(({ durationMs, messageRate, churnRate }, index) => [
      ...(longer === 1 ? [] : [`phases.${index}.duration=${duration(durationMs * longer)}`]),
      ...(areRatesChanged && messageRate > 0 ? [`phases.${index}.rate=${rate(messageRate * growth)}`] : []),
      ...(isPerClient && churnRate > 0 ? [`phases.${index}.churn=${rate(churnRate * growth)}`] : []),
    ]),
    ...(workers === null ? [] : [`target.embedded.workers=${workers}`]),
    `gates=${JSON.stringify(gates)}`,
  ];
}

/** The level that the scenario itself asks for. */
export function levelOf({ clients, phases }: Scenario, find: Wanted): number {
  return find === 'clients.count' ? clients.count : Math.max(...phases.map(({ messageRate }) => messageRate));
}

export function phasesMs({ phases }: Scenario): number {
  return phases.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

/** @throws InputError for a scenario of which no level can be found */
export function demandLevel(
  { name, target, phases, actions }: Scenario,
  find: Wanted,
  byWorkers: boolean,
): void {
  if (actions.length > 0) {
    throw new InputError(
      `${name} has actions (${actions[0]?.kind}), and how much a server holds is told of one that is left alone; add --set 'actions=[]'`,
    );
  }
  if (find === 'messages.rate' && phases.every(({ messageRate }) => messageRate === 0))
    throw new InputError(`${name} sends no messages; give a phase a rate, such as --set phases.0.rate=100/s`);
  if (byWorkers && (target.kind !== 'embedded' || target.cluster)) {
    throw new InputError(
      '--workers are those of an embedded server; for another one search with each number of its own, and compare',
    );
  }
}

function duration(ms: number): string {
  return formatQuantity('duration', Math.max(SHORTEST_PHASE_MS, Math.round(ms)));
}

/** No exponent: a rate is read digit by digit. */
function rate(perSecond: number): string {
  return `${Number(perSecond.toFixed(4))}/s`;
}
