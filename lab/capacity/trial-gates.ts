import type { Gate } from '../../record/gate.js';
import { parseGate } from '../../record/gate.js';
import { metricAt, type Unit } from '../../record/metrics.js';
import { formatQuantity } from '../../record/quantity.js';
import type { Scenario } from '../../scenarios/scenario.js';

/** What decides whether a level holds. */
export interface TrialGates {
  until: string[];
  /** Of the scenario, and what holds without being asked for. */
  also: string[];
  leftOut: { expression: string; why: string }[];
  /** Of those, by expression, what ends a trial as soon as it has been broken for so long. */
  abortAfterMs: ReadonlyMap<string, number>;
}

/** A gate as a scenario writes it. */
export type WrittenGate = string | { gate: string; abortOnFail: true; for: string };

/** Without them a server that sends half of its clients away, or refuses what it cannot do, would hold any load. */
const REFUSES_NOTHING = 'messages.refused == 0';
const letsIn = (clients: number): string => `connections.peak >= ${clients}`;

/**
 * The gates of a trial but for that on its clients: those that were asked for, those of the scenario, and that nothing is
 * refused where nobody says how much may be. That nothing is lost, duplicated or corrupted is implied in every run.
 */
export function trialGates(
  until: readonly Gate[],
  { gates, phases }: Scenario,
  areOwnLeftOut: boolean,
): TrialGates {
  const asked = until.map(({ expression }) => expression);
  const own = gates.filter(({ expression }) => !asked.includes(expression));
  const leftOut = own.flatMap((gate) => {
    const why = areOwnLeftOut ? 'the gates of the scenario were to be left out' : whyLeftOut(gate);
    return why === undefined ? [] : [{ expression: gate.expression, why }];
  });
  const kept = own
    .map(({ expression }) => expression)
    .filter((expression) => !leftOut.some((each) => each.expression === expression));
  const isNamed = [...asked, ...kept].some((text) => parseGate(text).metric === 'messages.refused');
  // Where nobody writes, nothing can be said of messages.
  const isSilent = phases.every(({ messageRate }) => messageRate === 0);
  return {
    until: asked,
    also: [...kept, ...(isNamed || isSilent ? [] : [REFUSES_NOTHING])],
    leftOut,
    abortAfterMs: new Map(
      gates.flatMap(({ expression, abort }) => (abort ? [[expression, abort.forMs]] : [])),
    ),
  };
}

/** All that decide at so many clients. */
export function gatesAt({ until, also, abortAfterMs }: TrialGates, clients: number): WrittenGate[] {
  return [...until, ...also, letsIn(clients)].map((gate) => {
    const forMs = abortAfterMs.get(gate);
    return forMs === undefined ? gate : { gate, abortOnFail: true, for: formatQuantity('duration', forMs) };
  });
}

const AMOUNTS: readonly (Unit | undefined)[] = ['count', 'bytes'];

/**
 * A gate that asks for enough clients, messages, files or backlog is met by asking for more of them, and by trying for longer: it is not
 * about the server. What is to be exactly so many is, where more would be worse: `messages.lost == 0`.
 */
function whyLeftOut({ metric, operator, baselineFactor }: Gate): string | undefined {
  if (baselineFactor !== undefined) return 'it needs a base line';
  const known = metricAt(metric);
  if (!AMOUNTS.includes(known?.unit)) return undefined;
  const asksForMore =
    operator === '>' || operator === '>=' || (operator === '==' && known?.worse !== 'higher');
  return asksForMore ? 'it tells how much load there has to be, and that is what is looked for' : undefined;
}
