import type { ServerSize } from '../../record/capacity.js';
import { InputError } from '../../record/input-error.js';
import { formatQuantity } from '../../record/quantity.js';
import {
  type MediaPlan,
  MOST_MEDIA_CONNECTIONS,
  type Phase,
  type Scenario,
} from '../../scenarios/scenario.js';
import type { WrittenGate } from './trial-gates.js';

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
  gates: readonly WrittenGate[];
  /** Of an embedded server. */
  size: ServerSize | null;
}

const SHORTEST_PHASE_MS = 100;

const SIZE_PATHS: Record<ServerSize['of'], string> = {
  workers: 'target.embedded.workers',
  nodes: 'target.embedded.cluster.nodes',
};

/**
 * A trial as overrides of its scenario, so that its record says what was run, and whoever wants it can run it again. Phases
 * keep their proportions, in time and in load: the level is that of the busiest.
 */
export function trialOverrides(scenario: Scenario, change: TrialChange): string[] {
  const { find, level, isPerClient, gates, size } = change;
  const longer = change.durationMs / phasesMs(scenario);
  const growth = level / levelOf(scenario, find);
  const areRatesChanged = find === 'messages.rate' || isPerClient;
  return [
    ...(find === 'clients.count' ? [`clients.count=${level}`] : []),
    ...scenario.phases.flatMap(({ durationMs, churnRate, ...phase }, index) => [
      ...(longer === 1 ? [] : [`phases.${index}.duration=${duration(durationMs * longer)}`]),
      ...(areRatesChanged && busiest(phase) > 0 ? [`phases.${index}.rate=${grown(phase, growth)}`] : []),
      ...(isPerClient && churnRate > 0 ? [`phases.${index}.churn=${rate(churnRate * growth)}`] : []),
    ]),
    ...(isPerClient && scenario.media ? mediaOverrides(scenario.media, growth) : []),
    ...(size === null ? [] : [`${SIZE_PATHS[size.of]}=${size.count}`]),
    `gates=${JSON.stringify(gates)}`,
  ];
}

/** Files grow with the clients; so do the connections that carry them, as far as there may be. */
function mediaOverrides({ uploadRate, downloadRate, connections }: MediaPlan, growth: number): string[] {
  return [
    `media.uploads=${rate(uploadRate * growth)}`,
    `media.downloads=${rate(downloadRate * growth)}`,
    `media.connections=${Math.min(MOST_MEDIA_CONNECTIONS, Math.max(1, Math.round(connections * growth)))}`,
  ];
}

/** The level that the scenario itself asks for. */
export function levelOf({ clients, phases }: Scenario, find: Wanted): number {
  return find === 'clients.count' ? clients.count : Math.max(...phases.map(busiest));
}

type Rates = Pick<Phase, 'messageRate' | 'messageRateTo'>;

/** Of a ramp, the higher end. */
function busiest({ messageRate, messageRateTo = 0 }: Rates): number {
  return Math.max(messageRate, messageRateTo);
}

function grown({ messageRate, messageRateTo }: Rates, growth: number): string {
  const from = rate(messageRate * growth);
  return messageRateTo === undefined ? from : `${from}..${rate(messageRateTo * growth)}`;
}

export function phasesMs({ phases }: Scenario): number {
  return phases.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

/** @throws InputError for a scenario of which no level can be found */
export function demandLevel(
  { name, target, phases, actions }: Scenario,
  find: Wanted,
  over: ServerSize['of'] | undefined,
): void {
  if (actions.length > 0) {
    throw new InputError(
      `${name} has actions (${actions[0]?.kind}), and how much a server holds is told of one that is left alone; add --set 'actions=[]'`,
    );
  }
  if (find === 'messages.rate' && phases.every((phase) => busiest(phase) === 0))
    throw new InputError(`${name} sends no messages; give a phase a rate, such as --set phases.0.rate=100/s`);
  if (over === 'workers' && (target.kind !== 'embedded' || target.cluster)) {
    throw new InputError(
      '--workers are those of an embedded server; for another one search with each number of its own, and compare',
    );
  }
  if (over === 'nodes' && (target.kind !== 'embedded' || !target.cluster)) {
    throw new InputError(
      '--nodes are those of an embedded cluster (target.embedded.cluster), such as that of cluster-scale; a single server has --workers',
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
