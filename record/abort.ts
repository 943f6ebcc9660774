import type { Gate } from './gate.js';
import type { Measurement } from './run.js';
import { judgeGate } from './verdict.js';

/** Why a run was ended before its end. */
export type Aborted = NonNullable<Measurement['aborted']>;

/** Of these nothing is known before the last message is over: until then they are zero. */
const KNOWN_AT_THE_END = new Set([
  'messages.lost',
  'messages.acceptedNotDelivered',
  'messages.deliveredNotReceipted',
  'messages.unsent',
  'messages.heldBack',
  'durationSeconds',
]);

/** What is counted, and what is the most of something: it never becomes less while a run goes on. */
const ONLY_GROWS =
  /^(connections\.(peak|failed|dropped|reconnects|unknown|failures\.[^.]+)|messages\.\w+|refusals\.[^.]+|media\.\w+\.(due|count|bytes|failed|unsent)|cluster\.(takeovers|moves|takeover\.max)|serverProcesses\.\w+|(phases\.[^.]+\.)?latency\.\w+\.(count|max)|backlog\.(max|queues\.[^.]+\.(max|alerts))|(phases\.[^.]+\.)?(generator\.)?(lagMs|connectLagMs)\.max|generator\.tcp\.\w+|serverMetrics\.[^.]+\.max)$/;

/**
 * What is wrong with ending a run by a gate; undefined: nothing.
 * @param forMs how long it has to be broken; undefined: that is not said
 */
export function abortProblem(
  { metric, operator, expression }: Gate,
  forMs: number | undefined,
): { key: 'abortOnFail' | 'for'; message: string } | undefined {
  if (KNOWN_AT_THE_END.has(metric)) {
    const message = `${metric} is known when the run is over, and ends none before; leave abortOnFail out`;
    return { key: 'abortOnFail', message };
  }
  const grows = ONLY_GROWS.test(metric);
  if (grows && (operator === '>' || operator === '>=' || operator === '!=')) {
    const message = `${expression} can still come true as long as the run goes on; leave abortOnFail out`;
    return { key: 'abortOnFail', message };
  }
  if (grows || forMs !== undefined) return undefined;
  return {
    key: 'for',
    message: `is missing; ${metric} can recover: for how long must it be broken, such as 10s?`,
  };
}

/**
 * Watches the gates of a run that may end it.
 * @returns what looks at a run that goes on: why it is to be ended, if it is
 */
export function watchGates(
  gates: readonly Gate[],
): ((measurement: Measurement) => Aborted | undefined) | undefined {
  const watched = gates.filter(({ abort }) => abort !== undefined);
  if (watched.length === 0) return undefined;
  /** Since which second of the run each has been broken. */
  const brokenSince = new Map<Gate, number>();
  return (measurement) => {
    const now = measurement.durationSeconds;
    for (const gate of watched) {
      const value = brokenValue(measurement, gate);
      if (value === undefined) {
        brokenSince.delete(gate);
        continue;
      }
      const since = brokenSince.get(gate) ?? now;
      brokenSince.set(gate, since);
      if ((now - since) * 1000 < (gate.abort?.forMs ?? 0)) continue;
      return { gate: gate.expression, value, atSeconds: now, brokenSinceSeconds: since };
    }
    return undefined;
  };
}

/** What breaks it; undefined: it holds, or nothing is known yet, or the generator's own lag decides. */
function brokenValue(measurement: Measurement, gate: Gate): number | undefined {
  const { value, passed, isUndecided } = judgeGate(measurement, gate, true);
  if (passed || isUndecided || value === null) return undefined;
  // What is counted up to a figure has yet to come there.
  return gate.operator === '==' && value < gate.limit ? undefined : value;
}

/** Why the run was ended, for its notes. */
export function abortWords({ gate, atSeconds, brokenSinceSeconds }: Aborted): string {
  const since =
    brokenSinceSeconds < atSeconds
      ? ` had been broken for ${Math.round(atSeconds - brokenSinceSeconds)} s`
      : ' was broken';
  return `the run was ended at ${atSeconds} s by its own gate, which${since}: ${gate}`;
}
