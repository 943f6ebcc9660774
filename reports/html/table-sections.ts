import { stringify } from 'yaml';
import { LATENCY_MEANINGS } from '../../record/metrics.js';
import { isTold } from '../../record/promises.js';
import { LATENCY_KINDS, type RunRecord } from '../../record/run.js';
import { areClientsElsewhere } from '../agents/agent-hosts.js';
import { formatBytes, formatCount, formatFigure, formatRatio, NOT_MEASURED, plural } from '../format.js';
import type { ReportedRun } from '../reported-run.js';
import {
  ledgerLines,
  nextBottleneckSentence,
  rankQueues,
  refusalsSentence,
  untoldSentence,
} from '../statement.js';
import { escapeHtml, icon, table } from './markup.js';

/** Percentiles of the whole run, and what each kind of latency is. */
export function latencySection(record: RunRecord): string {
  const kinds = LATENCY_KINDS.filter((kind) => isTold(record, `latency.${kind}`));
  const rows = kinds.map((kind) => {
    const { count, min, p50, p90, p99, p999, max } = record.latency[kind];
    // What is looked for most comes first: a phone shows that much without scrolling.
    const cells = [p50, p90, p99, p999, max, min].map((ms) => formatFigure(ms, 'ms'));
    return [`${kind}<small>${LATENCY_MEANINGS[kind]}</small>`, ...cells, formatCount(count)];
  });
  const note =
    '<p class="quiet">What waited for a sender or a recipient who was away on purpose is left out. A message to a group is accepted once, and delivered and receipted once for each member.</p>';
  return panel(
    'latency',
    'Latency',
    table(['', 'p50', 'p90', 'p99', 'p99.9', 'max', 'min', 'count'], rows) + note,
  );
}

/** What became of every message. */
export function ledgerSection(record: RunRecord): string {
  const { sent } = record.messages;
  if (sent + record.messages.unsent === 0) {
    return panel(
      'ledger',
      'Ledger',
      '<p class="empty">No message was sent, so there is nothing to account for.</p>',
    );
  }
  const rows = ledgerLines(record).map(({ label, count, meaning, isBad }) => [
    label,
    isBad ? `<strong class="bad">${icon('bad')}${formatCount(count)}</strong>` : formatCount(count),
    sent > 0 ? formatRatio(count / sent) : NOT_MEASURED,
    meaning,
  ]);
  const head = ['', 'messages', 'of sent', 'what it counts'];
  const note = [untoldSentence(record), refusalsSentence(record)]
    .filter((words) => words !== undefined)
    .map((words) => `<p class="quiet">${escapeHtml(words)}</p>`)
    .join('');
  return panel('ledger', 'Ledger', note + table(head, rows, 1, 3));
}

/** Why connections failed or ended, most frequent first. */
export function failureSection(record: RunRecord): string {
  const reasons = Object.entries(record.connections.failures).sort(([, one], [, other]) => other - one);
  if (reasons.length === 0) {
    return panel(
      'failures',
      'Why connections failed',
      '<p class="empty">No connection failed and none was dropped.</p>',
    );
  }
  const most = Math.max(...reasons.map(([, count]) => count), 1);
  const rows = reasons.map(([reason, count]) => [
    `<code>${escapeHtml(reason)}</code>`,
    formatCount(count),
    `<svg class="bar" width="${((count / most) * 100).toFixed(1)}%" height="9" aria-hidden="true"></svg>`,
  ]);
  return panel('failures', 'Why connections failed', table(['reason', 'connections', ''], rows, 1, 2));
}

/** What went up and down over HTTP; empty where nothing did. */
export function mediaSection(record: RunRecord): string {
  const { media } = record;
  if (!media) return '';
  const rows = (['uploads', 'downloads'] as const).map((kind) => {
    const { due, count, bytes, failed, unsent, latency, lagMs } = media[kind];
    const times = [latency.p50, latency.p90, latency.p99, latency.max].map((value) =>
      formatFigure(value, 'ms'),
    );
    const doubtful = (number: number) =>
      number > 0 ? `<strong class="doubtful">${icon('doubtful')}${formatCount(number)}</strong>` : '0';
    return [
      kind,
      formatFigure(due, 'count'),
      formatCount(count),
      formatBytes(bytes),
      doubtful(failed),
      unsent === null ? formatFigure(null, 'count') : doubtful(unsent),
      ...times,
      formatFigure(lagMs.p99, 'ms'),
    ];
  });
  const head = ['', 'due', 'answered', 'bytes', 'failed', 'unsent', 'p50', 'p90', 'p99', 'max', 'lag p99'];
  const legend =
    '<p class="quiet">Latencies count from when a request was due, the wait for a free connection included. Unsent: due, and never asked. Lag: how late the generator itself was.</p>';
  return panel('media', 'Media', `${table(head, rows)}${legend}`);
}

/** A hundred workers have hundreds of queues. */
const QUEUES_SHOWN = 12;
const ADDRESSES_SHOWN = 6;

/** Every queue with its extremes, that which fell furthest behind first. */
export function queueSection(record: RunRecord, isNearLimit: boolean): string {
  const { queues } = record.backlog;
  if (queues.length === 0) return '';
  const rows = rankQueues(record).map(
    ({ name, max, p99, threshold, alerts, behindMs, arrivedPerSecond, servedPerSecond, waitMs }) => [
      `<code>${escapeHtml(name)}</code>`,
      formatFigure(behindMs ?? null, 'ms'),
      formatFigure(arrivedPerSecond ?? null, 'perSecond'),
      formatFigure(servedPerSecond ?? null, 'perSecond'),
      formatFigure(waitMs || null, 'ms'),
      formatCount(max),
      formatCount(p99),
      formatFigure(threshold, 'count'),
      alerts > 0 ? `<strong class="doubtful">${icon('doubtful')}${formatCount(alerts)}</strong>` : '0',
    ],
  );
  const head = ['queue', 'behind', 'in', 'out', 'wait', 'max', 'p99', 'threshold', 'alerts'];
  const legend = `<p class="quiet">Behind: how long an item had waited at the worst, by what came in and what went out; below the time between two looks, the highest length over the highest rate at which the queue was ever served. In and out are the rates of the second that ended when it was longest. Wait: the mean, by Little’s law; a dash: it was empty at every look. What waits in mailboxes waits for its readers, so mailboxes are never what breaks next. Those of one worker carry its number.</p>`;
  const bottleneck = nextBottleneckSentence(record, isNearLimit);
  const words = bottleneck === null ? '' : `<p>${escapeHtml(bottleneck)}</p>`;
  const rest = rows.slice(QUEUES_SHOWN);
  const more =
    rest.length > 0
      ? `<details><summary>${plural(rest.length, 'shorter queue')}</summary>${table(head, rest)}</details>`
      : '';
  return panel('queues', 'Queues', words + table(head, rows.slice(0, QUEUES_SHOWN)) + legend + more);
}

const SERVER_WORDS: Record<RunRecord['target']['kind'], string> = {
  embedded: 'reference server, on the machine of the lab',
  command: 'started by the lab, on its machine',
  external: 'external',
};

/** What the figures were measured on. */
export function environmentSection({ name, record }: ReportedRun): string {
  const { environment, target, generator } = record;
  const { limits } = environment;
  const known = (value: number | null): string => (value === null ? 'not known' : formatCount(value));
  const facts: [string, string][] = [
    ['Processor', `${environment.cpuModel}, ${formatCount(environment.cores)} cores`],
    ['Memory', formatBytes(environment.memoryBytes)],
    ['Kernel', environment.kernel],
    ['Node.js', environment.node],
    ['c2m', environment.c2m],
    ['Server', SERVER_WORDS[target.kind]],
    ['Protocol', target.driver?.name ?? 'c2m'],
    ['Server workers', known(target.serverWorkers)],
    ['Store', target.store ?? 'not known'],
    ['Addresses', addressWords(target.addresses)],
    ['Agents', formatCount(generator.agents)],
    ['Open files a process', known(limits.openFiles)],
    ['Open files of the host', known(limits.fileMax)],
    ['Ephemeral ports', known(limits.ephemeralPorts)],
    ['net.core.somaxconn', known(limits.somaxconn)],
    ['net.ipv4.tcp_max_syn_backlog', known(limits.tcpMaxSynBacklog)],
    ['Seed', String(record.seed)],
    ['Record', name],
    ['Run', record.id],
  ];
  const items = facts
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`)
    .join('');
  const whose = areClientsElsewhere(record)
    ? `<p class="quiet">Of the machine of the coordinator, as are the CPU and the memory of the host, steal and pressure, and the memory of the kernel, which holds the server’s end of a connection at most. The machines of the clients are in <a href="#agents">Where the load came from</a>.</p>`
    : '';
  return panel('environment', 'Environment', `${whose}<dl class="grid">${items}</dl>`);
}

function addressWords(addresses: string[]): string {
  const shown = addresses.slice(0, ADDRESSES_SHOWN).join(', ');
  return addresses.length > ADDRESSES_SHOWN
    ? `${shown} and ${formatCount(addresses.length - ADDRESSES_SHOWN)} more`
    : shown;
}

/** The scenario as it was read, what the command line changed, and what came out of both. */
export function scenarioSection(record: RunRecord): string {
  const { file, source, overrides, bases = [], resolved } = record.scenario;
  const changes =
    overrides.length === 0
      ? '<p class="quiet">No value was overridden.</p>'
      : `<p>Overridden on the command line:</p><ul class="overrides">${overrides.map((each) => `<li><code>--set ${escapeHtml(each)}</code></li>`).join('')}</ul>`;
  const body = `<p class="quiet"><code>${escapeHtml(file)}</code></p><pre>${escapeHtml(source.trimEnd())}</pre>${bases.map(baseSection).join('')}${changes}
  <details><summary>As it ran, with every default filled in</summary><pre>${escapeHtml(stringify(resolved).trimEnd())}</pre></details>`;
  return panel('scenario', 'Scenario', body);
}

function baseSection({ file, source }: { file: string; source: string }): string {
  return `<details><summary>What it has from <code>${escapeHtml(file)}</code></summary><pre>${escapeHtml(source.trimEnd())}</pre></details>`;
}

function panel(id: string, title: string, body: string): string {
  return `<section class="panel" id="${id}"><h2>${title}</h2>${body}</section>`;
}
