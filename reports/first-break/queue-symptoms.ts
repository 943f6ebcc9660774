import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { formatCount, formatSeconds } from '../format.js';
import { phaseAt } from '../load-phases.js';
import { isWanted, type JudgedGate } from './gate-limits.js';
import { type Symptom, symptomAt } from './symptom.js';

/** Growing for this many seconds in a row, and by this much, is no burst any more. */
const GROWTH = { samples: 5, times: 4, leastItems: 1000 };
/** Fewer messages due in a second may all be under way as it ends. */
const LEAST_DUE = 10;

/** Queues past their threshold or growing without an end, and messages that the server no longer gets through. */
export function queueSymptoms(
  record: RunRecord,
  samples: readonly TimelineSample[],
  gates: readonly JudgedGate[],
): Symptom[] {
  return [
    ...alertSymptoms(record, samples, gates),
    ...growingQueues(samples),
    ...inFlightSymptoms(samples),
    ...stalls(samples),
  ];
}

/** What waits in mailboxes waits for its reader: it is trouble only while all readers are there. */
export function waitsForReaders(
  queue: string,
  samples: readonly TimelineSample[],
  atSeconds: number,
): boolean {
  if (!/^mailboxes(#|$)/.test(queue)) return false;
  const before = samples.filter(({ t }) => t <= atSeconds + 1);
  return before.slice(-GROWTH.samples).some(({ connections }) => connections.away > 0);
}

function alertSymptoms(
  record: RunRecord,
  samples: readonly TimelineSample[],
  gates: readonly JudgedGate[],
): Symptom[] {
  const [first, last] = [samples[0], samples.at(-1)];
  const isWithin = (seconds: number): boolean =>
    first !== undefined && last !== undefined && seconds > first.t - first.seconds && seconds <= last.t;
  return record.backlog.alerts
    .filter(({ queue, startSeconds }) => {
      if (!isWithin(startSeconds)) return false;
      const name = queue.split('#')[0] ?? queue;
      const isAsked = isWanted(gates, new RegExp(`^backlog\\.queues\\.${escaped(name)}(#\\d+)?\\.`));
      return !isAsked && !waitsForReaders(queue, samples, startSeconds);
    })
    .map(({ queue, startSeconds, threshold, peak }) => ({
      kind: 'queue',
      atSeconds: startSeconds,
      phase: phaseAt(record, startSeconds),
      what: `the queue ${queue}`,
      how: `past its threshold of ${formatCount(threshold)}, ${formatCount(peak)} at its peak`,
    }));
}

function growingQueues(samples: readonly TimelineSample[]): Symptom[] {
  const names = new Set(samples.flatMap(({ server }) => Object.keys(server?.queues ?? {})));
  return (
    [...names]
      // The lines of one worker are within those of all.
      .filter((name) => !name.includes('#') && name !== 'mailboxes')
      .flatMap((name) => {
        const growth = firstGrowth(samples, ({ server }) => server?.queues[name] ?? null, GROWTH.leastItems);
        return growth ? [symptomAt('queue', growth.first, `the queue ${name}`, growthWords(growth))] : [];
      })
  );
}

/** Little's law: with more under way than falls due in a second, a message takes more than a second. */
function inFlightSymptoms(samples: readonly TimelineSample[]): Symptom[] {
  const dueEach = samples.map(({ messages, seconds }) => messages.due / Math.max(seconds, 0.001));
  const growth = firstGrowth(
    samples,
    // Messages to those who are away are under way by the scenario's own doing.
    ({ connections, messages }) => (connections.away > 0 ? null : messages.inFlight),
    Math.max(LEAST_DUE, ...dueEach),
  );
  return growth ? [symptomAt('in-flight', growth.first, 'messages under way', growthWords(growth))] : [];
}

/** Whole seconds in which messages fell due and the server did nothing for any of them. */
function stalls(samples: readonly TimelineSample[]): Symptom[] {
  const isTalking = ({ messages }: TimelineSample): boolean => messages.due >= LEAST_DUE;
  const isStill = (sample: TimelineSample | undefined): boolean =>
    sample !== undefined &&
    isTalking(sample) &&
    sample.messages.accepted + sample.messages.delivered + sample.messages.refused === 0;
  const first = samples.findIndex((sample, index) => {
    const before = samples[index - 1];
    return isStill(sample) && before !== undefined && isTalking(before);
  });
  const sample = samples[first];
  if (!sample) return [];
  let last = first;
  while (isStill(samples[last + 1])) last += 1;
  const seconds = samples.slice(first, last + 1).reduce((sum, each) => sum + each.seconds, 0);
  const due = formatCount(sample.messages.due);
  const meanwhile = last === first ? `while ${due} fell due` : `while ${due} fell due in the first of them`;
  const how = `none was accepted or delivered for ${formatSeconds(Math.round(seconds))}, ${meanwhile}`;
  return [symptomAt('stall', sample, 'messages', how)];
}

interface Growth {
  /** The first that was longer than the one before. */
  first: TimelineSample;
  from: number;
  to: number;
  seconds: number;
}

/**
 * The first time that a length grew in every second for as long and as far as `GROWTH` says, at least to `least`. Within
 * one phase: where the load rises, a queue rises to another level and is none the worse.
 */
function firstGrowth(
  samples: readonly TimelineSample[],
  read: (sample: TimelineSample) => number | null,
  least: number,
): Growth | undefined {
  let start = 0;
  for (let end = 1; end <= samples.length; end += 1) {
    const [before, now] = [samples[end - 1], samples[end]].map((sample) => (sample ? read(sample) : null));
    const isOnePhase = samples[end]?.phase === samples[end - 1]?.phase;
    const isKnown = before !== null && now !== null && before !== undefined && now !== undefined;
    if (isOnePhase && isKnown && now > before) continue;
    const [rest, first, last] = [samples[start], samples[start + 1], samples[end - 1]];
    const [from, to] = [rest ? read(rest) : null, last ? read(last) : null];
    const isLong = end - start > GROWTH.samples;
    if (rest && first && last && from !== null && to !== null && isLong) {
      if (to >= Math.max(least, from * GROWTH.times)) return { first, from, to, seconds: last.t - rest.t };
    }
    start = end;
  }
  return undefined;
}

function growthWords({ from, to, seconds }: Growth): string {
  return `growing for ${formatSeconds(Math.round(seconds))} without a pause, from ${formatCount(from)} to ${formatCount(to)}`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
