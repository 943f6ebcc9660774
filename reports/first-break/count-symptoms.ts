import { agentLosses, lossWords } from '../../record/agent-losses.js';
import { isTold } from '../../record/promises.js';
import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { formatCount, formatMilliseconds, plural } from '../format.js';
import { reasonWords } from '../statement.js';
import { isWanted, type JudgedGate } from './gate-limits.js';
import { firstSustained, type Symptom, symptomAt } from './symptom.js';

/** Connects that failed, connections that were dropped, messages that were refused or came twice or in a wrong order. */
export function countSymptoms(
  record: RunRecord,
  samples: readonly TimelineSample[],
  gates: readonly JudgedGate[],
): Symptom[] {
  const onlyRefusal = Object.keys(record.refusals).length === 1 ? Object.keys(record.refusals)[0] : undefined;
  const found = [
    first(
      samples,
      ({ connections }) => connections.failed,
      (sample, count) => symptomAt('connects', sample, 'connects', failedWords(sample, count)),
    ),
    first(
      samples,
      ({ connections }) => connections.dropped,
      (sample, count) => symptomAt('drops', sample, 'connections', droppedWords(sample, count)),
    ),
    first(
      samples,
      ({ messages }) => messages.refused,
      (sample, count) =>
        symptomAt(
          'refusals',
          sample,
          'messages',
          `${formatCount(count)} refused${onlyRefusal === undefined ? '' : ` (${onlyRefusal})`}`,
        ),
    ),
    first(
      samples,
      ({ messages }) => messages.duplicated,
      (sample, count) => symptomAt('duplicates', sample, 'messages', `${formatCount(count)} delivered twice`),
    ),
    first(
      samples,
      ({ messages }) => (isTold(record, 'messages.outOfOrder') ? messages.outOfOrder : 0),
      (sample, count) =>
        symptomAt('order', sample, 'messages', `${formatCount(count)} delivered out of order`),
    ),
  ];
  return found.filter(
    (symptom) => symptom !== undefined && !isWanted(gates, WANTED_BY[symptom.kind] ?? NOTHING),
  ) as Symptom[];
}

const NOTHING = /^$/;

/** Gates that demand what would be trouble elsewhere. */
const WANTED_BY: Partial<Record<Symptom['kind'], RegExp>> = {
  connects: /^connections\.(failed|failures\.)/,
  drops: /^connections\.(dropped|failures\.)/,
  refusals: /^(messages\.refused|refusals\.)/,
  duplicates: /^messages\.duplicated$/,
  order: /^messages\.outOfOrder$/,
};

/** What is wrong with the generator itself: then the figures of the server are not to be trusted from there on. */
export function generatorSymptoms(record: RunRecord, samples: readonly TimelineSample[]): Symptom[] {
  return [...lossSymptoms(record, samples), ...lagSymptoms(record, samples)];
}

function lossSymptoms(record: RunRecord, samples: readonly TimelineSample[]): Symptom[] {
  return agentLosses(record.hosts)
    .slice(0, 1)
    .map((loss) => {
      // Nobody may have told of that second any more.
      const sample = samples.find(({ t }) => t >= loss.fromSeconds) ?? samples.at(-1);
      const phase = sample?.phase ?? null;
      const what = 'a part of the load generator';
      return { kind: 'generator', atSeconds: loss.fromSeconds, phase, what, how: lossWords(loss) };
    });
}

/** Its own lag past its limit. */
function lagSymptoms(record: RunRecord, samples: readonly TimelineSample[]): Symptom[] {
  const { lagLimitMs, valid } = record.generator;
  const isLate = ({ generator }: TimelineSample): boolean => (generator.lagP99Ms ?? 0) > lagLimitMs;
  const late = firstSustained(samples, isLate) ?? (valid ? undefined : samples.find(isLate));
  if (!late) return [];
  const lag = formatMilliseconds(late.generator.lagP99Ms ?? 0);
  const how = `messages left ${lag} late (p99), past its limit of ${formatMilliseconds(lagLimitMs)}`;
  return [symptomAt('generator', late, 'the load generator', how)];
}

/** What only the sums at the end of a run tell: no second can be named for it. */
export function symptomsWithoutTime(record: RunRecord): Symptom[] {
  const { lost, unsent } = record.messages;
  const whole = (kind: Symptom['kind'], what: string, how: string): Symptom => {
    return { kind, atSeconds: null, phase: null, what, how };
  };
  return [
    ...(lost > 0 ? [whole('loss', 'messages', `${formatCount(lost)} lost`)] : []),
    ...(unsent > 0
      ? [
          whole(
            'loss',
            'messages',
            `${formatCount(unsent)} never sent, as their senders were not connected or had to wait for answers`,
          ),
        ]
      : []),
    ...(['uploads', 'downloads'] as const).flatMap((kind) => {
      const failed = record.media?.[kind].failed ?? 0;
      return failed > 0 ? [whole('media', kind, `${formatCount(failed)} failed`)] : [];
    }),
  ];
}

function first(
  samples: readonly TimelineSample[],
  count: (sample: TimelineSample) => number,
  toSymptom: (sample: TimelineSample, count: number) => Symptom,
): Symptom | undefined {
  const sample = samples.find((each) => count(each) > 0);
  return sample && toSymptom(sample, count(sample));
}

function failedWords(sample: TimelineSample, failed: number): string {
  const attempts = failed + sample.connections.connected;
  const { dropped } = sample.connections;
  const others = dropped > 0 ? plural(dropped, 'drop') : '';
  return `${formatCount(failed)} of ${plural(attempts, 'attempt')} failed${reasonsOf(sample, others)}`;
}

function droppedWords(sample: TimelineSample, dropped: number): string {
  const { failed } = sample.connections;
  const others = failed > 0 ? plural(failed, 'failed attempt') : '';
  return `${formatCount(dropped)} dropped${reasonsOf(sample, others)}`;
}

/**
 * The timeline has one list of reasons for what failed and what was dropped, and nobody can take it apart.
 * @param others whose reasons are in it too; empty: nobody's
 */
function reasonsOf({ connections }: TimelineSample, others: string): string {
  const words = reasonWords(connections.failures);
  if (words === '') return '';
  return others === '' ? ` (${words})` : ` (${words}; the reasons of ${others} are among them)`;
}
