import { printable, printableData } from '../record/printable.js';
import { isTold } from '../record/promises.js';
import { LATENCY_KINDS, type RunRecord } from '../record/run.js';
import { hasLoadSources, hostLoads } from './agents/agent-hosts.js';
import { clockWords, loadSentence, lossSentences } from './agents/agent-words.js';
import { slowestSentence } from './agents/slowest-agent.js';
import { cameNearLimit } from './first-break/first-break.js';
import { breakWords } from './first-break/sentences.js';
import {
  formatFigure,
  formatMilliseconds,
  formatMoment,
  formatSeconds,
  NOT_MEASURED,
  plural,
} from './format.js';
import { foldNotes, noteWords } from './notes.js';
import { phaseLatencies } from './phase-latencies.js';
import { RECOVERED_FIGURES, type Recovery } from './recovery.js';
import { FIGURE_LABELS, figureWords, recoveryTime } from './recovery-words.js';
import type { ReportedRun } from './reported-run.js';
import { runTitle } from './run-name.js';
import { shownGates } from './shown-gates.js';
import { shownVerdict } from './shown-verdict.js';
import {
  alertSentence,
  backlogSentence,
  groupsSentence,
  hasLatency,
  ledgerLines,
  mediaSentences,
  memorySentence,
  nextBottleneckSentence,
  refusalsSentence,
  untoldSentence,
} from './statement.js';

/** A page that one glances at; the report has more. */
const ALERTS_TOLD = 5;
const RECOVERIES_TOLD = 10;
const HOSTS_TOLD = 20;
const LOSSES_TOLD = 5;

const VERDICT_MARKS = { good: '✅', bad: '❌', doubtful: '⚠️' } as const;

/** The run on one page of GitHub-flavoured Markdown, for the summary page of a CI job. */
export function markdownSummary(run: ReportedRun): string {
  const record = printableData(run.record);
  const { word, kind, explanation } = shownVerdict(run);
  const { title, subtitle } = printableData(runTitle(run.name, record));
  const words = printableData(breakWords(run.record, run.firstBreak));
  const queues = [backlogSentence(record), nextBottleneckSentence(record, cameNearLimit(run.firstBreak))];
  const sections = [
    `## ${VERDICT_MARKS[kind]} ${word}: ${inline([title, subtitle].filter(Boolean).join(', '))}`,
    `${inline(explanation)} ${plural(record.connections.peak, 'connection')}, ${formatSeconds(record.durationSeconds)}, started ${record.startedAt}.`,
    `**${inline(words.headline)}** ${inline(words.details.join(' '))}`.trim(),
    gatesTable(record),
    latencyTable(record),
    phaseTable(record),
    ledgerLine(record),
    `**Connections** ${connectionLine(record)}`,
    ...mediaSentences(record).map((sentence) => `**Media** ${inline(sentence)}`),
    namedLine('Queues', queues.filter(Boolean).join(' ')),
    record.backlog.alerts
      .slice(0, ALERTS_TOLD)
      .map((alert) => `- ${inline(alertSentence(alert))}`)
      .join('\n'),
    recoveryTable(run.firstBreak.recoveries),
    `**Memory** ${memorySentence(record)}`,
    `**Generator lag** p99 ${formatFigure(record.generator.lagMs.p99, 'ms')}, limit ${formatMilliseconds(record.generator.lagLimitMs)}`,
    ...agentParts(record),
    foldNotes(record.notes)
      .map((note) => `> ${inline(noteWords(note))}`)
      .join('\n>\n'),
    `<sub>${inline(environmentLine(record))}</sub>`,
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

function namedLine(name: string, words: string): string {
  return words === '' ? '' : `**${name}** ${inline(words)}`;
}

/**
 * A table whose first column is text and whose others are figures.
 * @param rows cells, already Markdown
 */
export function markdownTable(head: string[], rows: string[][], alignRightFrom = 1): string {
  const rule = head.map((_, column) => (column >= alignRightFrom ? '---:' : '---'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/**
 * Text as it is, with nothing that Markdown or HTML would take for its own; safe within a table. GitHub makes links of
 * people, issues and addresses without being asked: an empty character within them keeps them text.
 */
export function inline(value: string): string {
  return value
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/[\\`*_[\]|~#]/g, '\\$&')
    .replace(/[@#](?=\w)|(?<=:)\/(?=\/)|www(?=\.)/gi, '$&&#8203;')
    .replace(/[\r\n]+/g, ' ');
}

/**
 * Text as code. A backtick inside would end it and a bar would end the cell, so both are written otherwise; a
 * backslash before a bar would take the bar's own.
 */
export function code(value: string): string {
  const text = value
    .replace(/`/g, "'")
    .replace(/\\+(?=\|)/g, '/')
    .replace(/\|/g, '\\|');
  return `\`${text.replace(/\s+/g, ' ')}\``;
}

const GATE_MARKS = { passed: '✅', failed: '❌', empty: '–' } as const;

function gatesTable(record: RunRecord): string {
  if (record.gates.length === 0) return '';
  return markdownTable(
    ['Gate', 'Value', ''],
    shownGates(record).map(({ expression, value, state, word }) => [
      code(expression),
      inline(value),
      `${GATE_MARKS[state]} ${word}`,
    ]),
  );
}

function latencyTable(record: RunRecord): string {
  if (!hasLatency(record)) return '**Latency** None was recorded.';
  const rows = LATENCY_KINDS.filter((kind) => isTold(record, `latency.${kind}`)).map((kind) => {
    const { count, min, p50, p90, p99, p999, max } = record.latency[kind];
    return [
      kind,
      formatFigure(count, 'count'),
      ...[min, p50, p90, p99, p999, max].map((ms) => formatFigure(ms, 'ms')),
    ];
  });
  return markdownTable(['Latency', 'count', 'min', 'p50', 'p90', 'p99', 'p99.9', 'max'], rows);
}

/** A phase of its own would say no more than the whole. */
function phaseTable(record: RunRecord): string {
  const phases = phaseLatencies(record);
  if (phases.length < 2) return '';
  const kinds = (['accepted', 'delivered'] as const).filter((kind) => isTold(record, `latency.${kind}`));
  const rows = phases.map(({ name, latencies }) => [
    inline(name),
    ...kinds.flatMap((kind) =>
      (['p50', 'p99', 'max'] as const).map((percentile) => formatFigure(latencies[kind]?.[percentile], 'ms')),
    ),
  ]);
  const head = kinds.flatMap((kind) => ['p50', 'p99', 'max'].map((name) => `${kind} ${name}`));
  return markdownTable(['Phase', ...head], rows);
}

function recoveryTable(recoveries: readonly Recovery[]): string {
  if (recoveries.length === 0) return '';
  const rows = recoveries
    .slice(0, RECOVERIES_TOLD)
    .map((each) => [
      inline(printable(each.label)),
      formatMoment(each.atSeconds),
      recoveryTime(each),
      ...RECOVERED_FIGURES.map((figure) => figureWords(figure, each) || NOT_MEASURED),
    ]);
  const more = recoveries.length - RECOVERIES_TOLD;
  const table = markdownTable(
    ['Action', 'at', 'recovery', ...RECOVERED_FIGURES.map((figure) => FIGURE_LABELS[figure])],
    rows,
  );
  return more > 0 ? `${table}\n\nand ${more} more, in the report.` : table;
}

/** Where the load came from: what it was in all, who was lost, and each host; nothing for a run in one process. */
function agentParts(record: RunRecord): string[] {
  if (!hasLoadSources(record)) return [];
  const loads = hostLoads(record);
  const rows = loads
    .slice(0, HOSTS_TOLD)
    .map((load) => [
      inline(load.host.name),
      load.lost === 0
        ? formatFigure(load.agents.length, 'count')
        : `**${formatFigure(load.lost, 'count')} of ${formatFigure(load.agents.length, 'count')} lost**`,
      formatFigure(load.clients, 'count'),
      formatFigure(load.messagesPerSecond, 'perSecond'),
      formatFigure(load.lagP99Ms, 'ms'),
      load.cores === null ? NOT_MEASURED : `${load.cores.toFixed(2)} of ${load.host.environment.cores}`,
      formatFigure(load.privateBytes, 'bytes'),
      inline(clockWords(load.host)),
    ]);
  const head = ['Host', 'agents', 'clients', 'messages', 'lag p99', 'CPU', 'memory', 'clock'];
  const more = loads.length - HOSTS_TOLD;
  return [
    `**Agents** ${inline([loadSentence(record), slowestSentence(record)].filter(Boolean).join('. '))}.`,
    lossSentences(record, LOSSES_TOLD)
      .map((words) => `- ❌ ${inline(words)}`)
      .join('\n'),
    loads.length > 1
      ? markdownTable(head, rows) + (more > 0 ? `\n\nand ${more} more, in the report.` : '')
      : '',
  ];
}

function ledgerLine(record: RunRecord): string {
  const parts = ledgerLines(record).map(({ label, count, isBad }) => {
    const words = `${label} ${formatFigure(count, 'count')}`;
    return isBad ? `**${words}**` : words;
  });
  const more = [untoldSentence(record), refusalsSentence(record), groupsSentence(record)].filter(
    (each) => each !== undefined,
  );
  return `**Messages** ${[...parts, ...more.map(inline)].join(' · ')}`;
}

function connectionLine(record: RunRecord): string {
  const { target, peak, connectsPerSecond, failed, dropped } = record.connections;
  const figures = `peak ${formatFigure(peak, 'count')} of ${formatFigure(target, 'count')}`;
  const rate = `${formatFigure(connectsPerSecond, 'perSecond')} while connecting`;
  return `${figures} · ${rate} · failed ${formatFigure(failed, 'count')} · dropped ${formatFigure(dropped, 'count')}`;
}

function environmentLine(record: RunRecord): string {
  const { c2m, node, kernel, cpuModel, cores, memoryBytes } = record.environment;
  return `c2m ${c2m}, Node ${node}, ${kernel}, ${cpuModel}, ${plural(cores, 'core')}, ${formatFigure(memoryBytes, 'bytes')}`;
}
