import { unitAt } from '../record/metrics.js';
import { LATENCY_KINDS, type RunRecord } from '../record/run.js';
import {
  formatBytes,
  formatCount,
  formatFigure,
  formatMilliseconds,
  formatSeconds,
  plural,
} from './format.js';

/** Less is the length of one turn of an event loop. */
const LEAST_BEHIND_MS = 1;
/** More arrivals than this share of what is served, and the queue grows. */
const OUTRUN = 1.02;

/** Why nothing is known of a server from within. */
export const NO_ADMIN_PORT = 'the scenario names no admin port (target.admin)';

/** Sentences about a run that every report says in the same words. */

export const VERDICT_WORDS: Record<RunRecord['verdict'], string> = {
  passed: 'Passed',
  failed: 'Failed',
  invalid: 'Invalid',
  partial: 'Partial',
};

/** What the verdict means for this run, in one or two sentences. */
export function explainVerdict(record: RunRecord): string {
  const { gates, generator, verdict } = record;
  const missed = gates.filter((gate) => !gate.passed).length;
  switch (verdict) {
    case 'passed':
      if (gates.length === 0) return 'The scenario sets no gates, so nothing could fail.';
      return gates.length === 1 ? 'The one gate held.' : `All ${gates.length} gates held.`;
    case 'failed':
      return `${missed} of ${plural(gates.length, 'gate')} did not hold.`;
    case 'invalid':
      return (
        `The load generator could not keep its own schedule: messages left ${formatFigure(generator.lagMs.p99, 'ms')} ` +
        `late (p99), past its limit of ${formatMilliseconds(generator.lagLimitMs)}. The figures may flatter the ` +
        'server, so they prove nothing. Use more agents or machines, or less load.'
      );
    case 'partial':
      return (
        `The run was stopped after ${formatSeconds(record.durationSeconds)}, before its last phase ended. ` +
        'The figures cover only what had happened until then.'
      );
  }
}

/** A gate's value with the unit of its figure, or why it has none. */
export function gateValue(gate: RunRecord['gates'][number]): string {
  if (gate.value === null) return gate.note ?? 'not measured';
  const metric = /^[^\s<>=!]+/.exec(gate.expression.trim())?.[0] ?? '';
  return formatFigure(gate.value, unitAt(metric));
}

/** The ledger line by line: what became of each message. */
export function ledgerLines(
  record: RunRecord,
): { name: LedgerName; count: number; meaning: string; isBad: boolean }[] {
  return LEDGER.map(({ name, meaning, mustBeZero }) => {
    const count = record.messages[name];
    return { name, count, meaning, isBad: mustBeZero && count > 0 };
  });
}

export type LedgerName = keyof RunRecord['messages'];

export const LEDGER_LABELS: Record<LedgerName, string> = {
  sent: 'sent',
  accepted: 'accepted',
  delivered: 'delivered',
  receipted: 'receipted',
  lost: 'lost',
  duplicated: 'duplicated',
  outOfOrder: 'out of order',
  redelivered: 'redelivered',
  refused: 'refused',
  unsent: 'unsent',
  leftOver: 'left over',
};

const LEDGER: { name: LedgerName; meaning: string; mustBeZero: boolean }[] = [
  { name: 'sent', meaning: 'Handed to a socket at least once.', mustBeZero: false },
  {
    name: 'accepted',
    meaning: 'First check mark: the server said that it holds the message.',
    mustBeZero: false,
  },
  { name: 'delivered', meaning: 'Different messages that reached their recipient.', mustBeZero: false },
  { name: 'receipted', meaning: 'Second check mark: the sender knows that it arrived.', mustBeZero: false },
  { name: 'lost', meaning: 'Sent, not refused, and never seen by the recipient.', mustBeZero: true },
  {
    name: 'duplicated',
    meaning: 'Delivered again though the recipient had it, and not marked as a redelivery.',
    mustBeZero: true,
  },
  {
    name: 'outOfOrder',
    meaning: 'Arrived for the first time after a later one of the same sender.',
    mustBeZero: true,
  },
  {
    name: 'redelivered',
    meaning:
      'Delivered again and marked so, because a connection died before it was acknowledged. Not an error.',
    mustBeZero: false,
  },
  {
    name: 'refused',
    meaning:
      'Answered with an error instead of a check mark, or passed over at a member whose mailbox was full.',
    mustBeZero: true,
  },
  {
    name: 'unsent',
    meaning: 'Due, but never handed to a socket because the sender was not connected.',
    mustBeZero: false,
  },
  {
    name: 'leftOver',
    meaning: 'Of an earlier run, delivered in this one. Not an error, and part of no other figure.',
    mustBeZero: false,
  },
];

/** What was lost, duplicated or out of order, in words. */
export function ledgerSentence(record: RunRecord): string {
  const { sent, lost, duplicated, outOfOrder } = record.messages;
  if (sent === 0) return 'No message was sent.';
  const wrong = [
    lost > 0 ? `${formatCount(lost)} lost` : '',
    duplicated > 0 ? `${formatCount(duplicated)} duplicated` : '',
    outOfOrder > 0 ? `${formatCount(outOfOrder)} out of order` : '',
  ].filter(Boolean);
  if (wrong.length === 0)
    return `${plural(sent, 'message')} sent, none lost, none duplicated, none out of order.`;
  return `${plural(sent, 'message')} sent: ${wrong.join(', ')}.`;
}

/** The longest queue and what its alerts say, in words. */
export function backlogSentence(record: RunRecord): string {
  const { queues, worst, max, alerts } = record.backlog;
  if (queues.length === 0) return `No queue was measured: ${NO_ADMIN_PORT}.`;
  if (!max || worst === null) return 'No queue ever held anything when it was sampled.';
  const threshold = queues.find((queue) => queue.name === worst)?.threshold ?? null;
  const limit = threshold === null ? '' : ` (its threshold is ${formatCount(threshold)})`;
  const alertWords =
    alerts.length === 0 ? 'No queue raised an alert.' : `${plural(alerts.length, 'alert')} in all.`;
  return `The longest queue was ${worst}, ${formatCount(max)} at its peak${limit}. ${alertWords}`;
}

/**
 * Which queue of the server breaks next, and why: the one that fell furthest behind. What waits in mailboxes waits for
 * its readers, so it is told of, and is no bottleneck. Null: nobody measured it.
 */
export function nextBottleneckSentence(record: RunRecord): string | null {
  const ranked = rankQueues(record).filter(({ name }) => !name.includes('#') && name !== 'mailboxes');
  const [worst] = ranked;
  if (!worst || typeof worst.behindMs !== 'number') return null;
  const { name, behindMs, arrivedPerSecond, servedPerSecond, waitMs } = worst;
  if (behindMs < LEAST_BEHIND_MS) return 'No queue of the server was ever more than a millisecond behind.';
  const rate = (value: number | null | undefined): string => `${formatCount(Math.round(value ?? 0))}/s`;
  const isOutrun = (arrivedPerSecond ?? 0) > (servedPerSecond ?? 0) * OUTRUN;
  const why = isOutrun
    ? `${rate(arrivedPerSecond)} came in and ${rate(servedPerSecond)} went out`
    : `${rate(arrivedPerSecond)} came in, in bursts, and all of it went out`;
  const little =
    typeof waitMs === 'number'
      ? `; by Little’s law an item waited ${formatMilliseconds(waitMs)} at most on average`
      : '';
  return `Next to break is ${name}: at its worst it was ${formatMilliseconds(behindMs)} behind, as ${why}${little}.`;
}

/** The queues, that which fell furthest behind first; where that is not known, the longest. */
export function rankQueues(record: RunRecord): RunRecord['backlog']['queues'] {
  return [...record.backlog.queues].sort(
    (one, other) => (other.behindMs ?? 0) - (one.behindMs ?? 0) || other.max - one.max,
  );
}

/** What the alert was, with its times. */
export function alertSentence(alert: RunRecord['backlog']['alerts'][number]): string {
  const end =
    alert.endSeconds === null ? 'until the end of the run' : `to ${formatSeconds(alert.endSeconds)}`;
  return (
    `${alert.queue} stood above ${formatCount(alert.threshold)} from ${formatSeconds(alert.startSeconds)} ${end}, ` +
    `${formatCount(alert.peak)} at its peak`
  );
}

/** What went up and down beside the messages; empty where nothing did. */
/** Reasons with their counts, the commonest first, at most three: `StoreFailed 4,562, RateLimited 12`. */
export function reasonWords(reasons: Record<string, number>): string {
  return Object.entries(reasons)
    .sort(([, one], [, other]) => other - one)
    .slice(0, 3)
    .map(([reason, times]) => `${reason} ${formatCount(times)}`)
    .join(', ');
}

/** Why messages were refused; undefined where none was. */
export function refusalsSentence({ refusals }: RunRecord): string | undefined {
  const words = reasonWords(refusals);
  return words === '' ? undefined : `refused by reason: ${words}`;
}

/** How the messages to groups stand in the ledger; undefined where nobody wrote to one. */
export function groupsSentence({ groups }: RunRecord): string | undefined {
  if (!groups) return undefined;
  const messages = `${formatCount(groups.messages)} ${groups.messages === 1 ? 'message' : 'messages'}`;
  return `${messages} to groups of ${formatCount(groups.members)}: each counts once for every member that it was for.`;
}

export function mediaSentences({ media }: RunRecord): string[] {
  if (!media) return [];
  return (['uploads', 'downloads'] as const)
    .filter((kind) => media[kind].count + media[kind].failed + (media[kind].unsent ?? 0) > 0)
    .map((kind) => {
      const { count, bytes, failed, unsent, latency } = media[kind];
      const times =
        latency.p99 === null
          ? ''
          : `, p50 ${formatMilliseconds(latency.p50 ?? 0)}, p99 ${formatMilliseconds(latency.p99)}`;
      const neverAsked = unsent ? `, ${formatCount(unsent)} unsent` : '';
      return `${formatCount(count)} ${kind}, ${formatBytes(bytes)}${times}, ${formatCount(failed)} failed${neverAsked}`;
    });
}

/** Bytes a connection and who holds them: `8.9 KiB: kernel 4.94 KiB, server 2.1 KiB, client 1.9 KiB`. */
export function memorySentence(record: RunRecord): string {
  const { total, kernel, server, client } = record.memory.bytesPerConnection;
  const parts = (Object.entries({ kernel, server, client }) as [string, number | null][])
    .filter((part): part is [string, number] => part[1] !== null)
    .map(([name, bytes]) => `${name} ${formatBytes(bytes)}`);
  if (total === null && parts.length === 0) return 'Memory was not measured.';
  if (total === null) return `${parts.join(', ')}; no total, as a part was not measured`;
  return `${formatBytes(total)} a connection: ${parts.join(', ')}`;
}

/** True when at least one latency was recorded. */
export function hasLatency(record: RunRecord): boolean {
  return LATENCY_KINDS.some((kind) => record.latency[kind].count > 0);
}
