import type { Aborted } from '../record/abort.js';
import { agentLosses, lossWords } from '../record/agent-losses.js';
import { METRICS, unitAt } from '../record/metrics.js';
import { untoldBy } from '../record/promises.js';
import { LATENCY_KINDS, type RunRecord } from '../record/run.js';
import { areClientsElsewhere } from './agents/agent-hosts.js';
import {
  formatBytes,
  formatCount,
  formatFigure,
  formatMilliseconds,
  formatSeconds,
  plural,
} from './format.js';

/** A queue that is less than this behind, in time, is not behind: it waits for the event loop's next turn. */
const LEAST_BEHIND_MS = 1;
/** With this many times as many arrivals as departures a queue is called outrun; below it the two differ by chance. */
const OUTRUN = 1.02;

/** With fewer connections, memory divided by connections is mostly what the processes take for themselves. */
const LEAST_FOR_MEMORY = 1000;

/** A sentence names no more faults than this; the record has all of them. */
const FAULTS_TOLD = 6;

const NO_ADMIN_PORT = 'the scenario names no admin port (target.admin)';

/** Sentences about a run that every report says in the same words. */

export const VERDICT_WORDS: Record<RunRecord['verdict'], string> = {
  passed: 'Passed',
  failed: 'Failed',
  invalid: 'Invalid',
  partial: 'Partial',
};

/** What the verdict means for this run, in one or two sentences. */
export function explainVerdict(record: RunRecord): string {
  const { connections, gates, verdict } = record;
  if (connections.peak === 0) return 'Nobody logged in, so no figure says anything about the server.';
  const missed = gates.filter((gate) => !gate.passed).length;
  switch (verdict) {
    case 'passed':
      if (gates.length === 0) return 'The scenario sets no gates; nothing was lost, duplicated or corrupted.';
      return gates.length === 1 ? 'The one gate held.' : `All ${gates.length} gates held.`;
    case 'failed':
      if (record.target.died !== null) return `The target died: ${record.target.died}.`;
      if (record.aborted) return abortSentence(record.aborted, missed - 1);
      return `${missed} of ${plural(gates.length, 'gate')} did not hold.`;
    case 'invalid':
      return invalidSentence(record);
    case 'partial':
      return (
        `The run was stopped after ${formatSeconds(record.durationSeconds)}, before its last phase ended. ` +
        'The figures cover only what had happened until then.'
      );
  }
}

/** @param others further gates that did not hold */
function abortSentence({ gate, value, atSeconds, brokenSinceSeconds }: Aborted, others: number): string {
  const held = atSeconds - brokenSinceSeconds;
  const since = held > 0 ? `, and had been so for ${formatSeconds(held)}` : '';
  const more = others > 0 ? ` ${plural(others, 'other gate')} did not hold by then.` : '';
  return (
    `The run was ended after ${formatSeconds(atSeconds)}, as its gate ${gate} was broken ` +
    `(${formatFigure(value, unitAt(metricOf(gate)))})${since}.${more}`
  );
}

function metricOf(expression: string): string {
  return /^[^\s<>=!]+/.exec(expression.trim())?.[0] ?? '';
}

function invalidSentence({ generator, gates, hosts }: RunRecord): string {
  const advice = 'Use more agents or machines, or less load.';
  const undecided = gates.filter(({ isUndecided }) => isUndecided);
  if (generator.valid && undecided.length > 0) {
    const names = undecided.map(({ expression }) => expression).join(', ');
    return `The generator’s own lag decides ${names}: nothing is proved for the server or against it. ${advice}`;
  }
  const losses = new Set(agentLosses(hosts).map(lossWords));
  const isOfLosses = generator.faults.length > 0 && generator.faults.every((fault) => losses.has(fault));
  if (isOfLosses) {
    const hasRemained = hosts.some(({ agents }) => agents.some(({ lost }) => lost === null));
    const instead = hasRemained ? ', or go on without it (agents.lost: tolerate)' : '';
    return (
      `A part of the load generator was lost: ${someOf(generator.faults)}. What became of its clients is not known, so the ` +
      `figures prove nothing. Mend what ended it${instead}.`
    );
  }
  const faults =
    generator.faults.length > 0
      ? someOf(generator.faults)
      : `messages left ${formatFigure(generator.lagMs.p99, 'ms')} late (p99)`;
  return (
    `The load generator could not do what was asked of it: ${faults} (its limit is ` +
    `${formatMilliseconds(generator.lagLimitMs)}). The figures may flatter the server, so they prove nothing. ${advice}`
  );
}

function someOf(faults: readonly string[]): string {
  const more = faults.length - FAULTS_TOLD;
  return [...faults.slice(0, FAULTS_TOLD), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

type Gate = RunRecord['gates'][number];

/** Whether a gate says something about the server. In a run that was cut short, one that failed for want of a figure does not. */
export function isJudged({ verdict }: RunRecord, { passed, value }: Gate): boolean {
  return verdict !== 'partial' || passed || value !== null;
}

/** A gate's value with the unit of its figure, or why it has none. */
export function gateValue(gate: Gate): string {
  if (gate.value === null) return gate.note ?? 'not measured';
  return formatFigure(gate.value, unitAt(metricOf(gate.expression)));
}

export type LedgerName = keyof RunRecord['messages'];

/** Counts of the ledger that are red in a report when they are not zero. */
const MUST_BE_ZERO: ReadonlySet<LedgerName> = new Set([
  'lost',
  'unknown',
  'duplicated',
  'outOfOrder',
  'refused',
  'corrupted',
  'acceptedNotDelivered',
  'receiptedEarly',
]);

/** The ledger line by line: what became of each message, as far as the record tells. */
export function ledgerLines(
  record: RunRecord,
): { name: LedgerName; label: string; count: number; meaning: string; isBad: boolean }[] {
  return METRICS.filter(({ path }) => path.startsWith('messages.')).flatMap(({ path, label, meaning }) => {
    const name = path.slice('messages.'.length) as LedgerName;
    const count = record.messages[name];
    // `unknown` has a line only where an agent was lost: elsewhere everything is known.
    if (count === null || (name === 'unknown' && count === 0)) return [];
    const isBad = MUST_BE_ZERO.has(name) && count > 0;
    return [{ name, label: label.replace(/^messages /, ''), count, meaning, isBad }];
  });
}

/** What was lost, duplicated or out of order, in words. */
export function ledgerSentence(record: RunRecord): string {
  const { sent, lost, unknown, duplicated, outOfOrder } = record.messages;
  if (sent === 0) return 'No message was sent.';
  const wrong = [
    lost > 0 ? `${formatCount(lost)} lost` : '',
    unknown !== null && unknown > 0 ? `${formatCount(unknown)} unknown` : '',
    duplicated > 0 ? `${formatCount(duplicated)} duplicated` : '',
    outOfOrder !== null && outOfOrder > 0 ? `${formatCount(outOfOrder)} out of order` : '',
  ].filter(Boolean);
  if (wrong.length === 0) {
    const order = outOfOrder === null ? '' : ', none out of order';
    return `${plural(sent, 'message')} sent, none lost, none duplicated${order}.`;
  }
  return `${plural(sent, 'message')} sent: ${wrong.join(', ')}.`;
}

/** What the protocol of the run cannot tell, such as receipts; undefined where it tells all that the protocol of c2m does. */
export function untoldSentence({ target }: RunRecord): string | undefined {
  const untold = target.driver ? untoldBy(target.driver.promises) : [];
  return untold.length === 0 ? undefined : `${target.driver?.name} does not tell ${untold.join(', nor ')}`;
}

/** The longest queue and its alerts. Undefined for a server of which other figures are known, so that nobody misses its queues. */
export function backlogSentence(record: RunRecord): string | undefined {
  const { queues, worst, max, alerts } = record.backlog;
  if (queues.length === 0) return noQueueSentence(record);
  if (!max || worst === null) return 'No queue ever held anything when it was sampled.';
  const threshold = queues.find((queue) => queue.name === worst)?.threshold ?? null;
  const limit = threshold === null ? '' : ` (its threshold is ${formatCount(threshold)})`;
  const alertWords =
    alerts.length === 0 ? 'No queue raised an alert.' : `${plural(alerts.length, 'alert')} in all.`;
  return `The longest queue was ${worst}, ${formatCount(max)} at its peak${limit}. ${alertWords}`;
}

/** Only our own server has an admin port that could be named. */
function noQueueSentence(record: RunRecord): string | undefined {
  if (hasAdminPort(record)) return `No queue was measured: ${NO_ADMIN_PORT}.`;
  if (record.serverProcesses || record.serverMetrics?.length) return undefined;
  return 'This server tells no queue lengths; target.metrics can read them from its Prometheus page.';
}

/** Why nothing is known of a server from within. */
export function noServerSentence(record: RunRecord): string {
  return hasAdminPort(record)
    ? `Nothing is known about the server from within: ${NO_ADMIN_PORT}.`
    : 'The server’s own part was not measured: target.command, target.pid or target.cgroup say which processes it is.';
}

/** Whether the server may be ours: only ours has an admin port. Old records do not name the driver, and had no other. */
function hasAdminPort({ target }: RunRecord): boolean {
  return target.driver === null || target.driver.name === 'c2m';
}

/**
 * Which queue of the server breaks next, and why: the one that fell furthest behind. `mailboxes` does not count, because what
 * is in it waits for users who are away, and not for the server. Null where no queue was measured.
 * @param isNearLimit whether the load came near a limit. If not, the slowest queue is named, and no guess is made
 */
export function nextBottleneckSentence(record: RunRecord, isNearLimit: boolean): string | null {
  const ranked = rankQueues(record).filter(({ name }) => !name.includes('#') && name !== 'mailboxes');
  const [worst] = ranked;
  if (!worst || typeof worst.behindMs !== 'number') return null;
  const { name, behindMs, arrivedPerSecond, servedPerSecond, waitMs } = worst;
  if (behindMs < LEAST_BEHIND_MS) return 'No queue of the server was ever more than a millisecond behind.';
  const furthest = `${name}: at its worst it was ${formatMilliseconds(behindMs)} behind`;
  if (!isNearLimit) {
    return `Furthest behind was ${furthest}. Nothing came near a limit, so this run cannot tell what breaks next.`;
  }
  const rate = (value: number | null | undefined): string => `${formatCount(Math.round(value ?? 0))}/s`;
  const isOutrun = (arrivedPerSecond ?? 0) > (servedPerSecond ?? 0) * OUTRUN;
  const why = isOutrun
    ? `${rate(arrivedPerSecond)} came in and ${rate(servedPerSecond)} went out`
    : `${rate(arrivedPerSecond)} came in, in bursts, and all of it went out`;
  const little =
    // What comes and goes between two looks leaves no length to reckon with.
    typeof waitMs === 'number' && waitMs > 0
      ? `; by Little’s law an item waited ${formatMilliseconds(waitMs)} on average`
      : '';
  return `Next to break is ${furthest}, as ${why}${little}.`;
}

/** The queues, the one that fell furthest behind first. Where that was not measured, the longest first. */
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

/** What went up and down beside the messages; empty where nothing did. */
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
    .map(([name, bytes]) => `${name === 'kernel' ? kernelName(record) : name} ${formatBytes(bytes)}`);
  if (total === null && parts.length === 0) return 'Memory was not measured.';
  const sum =
    total === null
      ? `${parts.join(', ')}; no total, as a part was not measured`
      : `${formatBytes(total)} a connection: ${parts.join(', ')}`;
  return [sum, tooFewForMemory(record)].filter((words) => words !== undefined).join('; ');
}

/**
 * Kernel memory is read on the coordinator's machine. With clients elsewhere that holds only the server's end of each
 * connection.
 */
export function kernelName(record: RunRecord): string {
  return areClientsElsewhere(record) ? 'kernel (the server’s ends)' : 'kernel';
}

/** Why memory a connection is not to be believed: too few clients. Undefined where it is. */
export function tooFewForMemory({ connections, memory }: RunRecord): string | undefined {
  const { kernel, server, client } = memory.bytesPerConnection;
  const isMeasured = [kernel, server, client].some((bytes) => bytes !== null);
  if (!isMeasured || connections.peak >= LEAST_FOR_MEMORY) return undefined;
  return `too few clients to tell: ${formatCount(connections.peak)}`;
}

/** True when at least one latency was recorded. */
export function hasLatency(record: RunRecord): boolean {
  return LATENCY_KINDS.some((kind) => record.latency[kind].count > 0);
}
