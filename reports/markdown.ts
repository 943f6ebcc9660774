import { printableData } from '../record/printable.js';
import { LATENCY_KINDS, type RunRecord } from '../record/run.js';
import { formatFigure, formatMilliseconds, formatSeconds, plural } from './format.js';
import {
  alertSentence,
  backlogSentence,
  explainVerdict,
  gateValue,
  groupsSentence,
  hasLatency,
  ledgerLines,
  mediaSentences,
  memorySentence,
  nextBottleneckSentence,
  refusalsSentence,
  VERDICT_WORDS,
} from './statement.js';

/** A page that one glances at; the report has more. */
const ALERTS_TOLD = 5;

const VERDICT_MARKS: Record<RunRecord['verdict'], string> = {
  passed: '✅',
  failed: '❌',
  invalid: '⚠️',
  partial: '⚠️',
};

/** The run on one page of GitHub-flavoured Markdown, for the summary page of a CI job. */
export function markdownSummary(measured: RunRecord): string {
  const record = printableData(measured);
  const sections = [
    `## ${VERDICT_MARKS[record.verdict]} ${VERDICT_WORDS[record.verdict]}: ${inline(record.name)}`,
    `${explainVerdict(record)} ${plural(record.connections.peak, 'connection')}, ${formatSeconds(record.durationSeconds)}, started ${record.startedAt}.`,
    gatesTable(record),
    latencyTable(record),
    ledgerLine(record),
    `**Connections** ${connectionLine(record)}`,
    ...mediaSentences(record).map((sentence) => `**Media** ${inline(sentence)}`),
    `**Queues** ${inline([backlogSentence(record), nextBottleneckSentence(record) ?? ''].join(' ').trim())}`,
    record.backlog.alerts
      .slice(0, ALERTS_TOLD)
      .map((alert) => `- ${inline(alertSentence(alert))}`)
      .join('\n'),
    `**Memory** ${memorySentence(record)}`,
    `**Generator lag** p99 ${formatFigure(record.generator.lagMs.p99, 'ms')}, limit ${formatMilliseconds(record.generator.lagLimitMs)}`,
    record.notes.map((note) => `> ${inline(note)}`).join('\n>\n'),
    `<sub>${inline(environmentLine(record))}</sub>`,
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
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

function gatesTable(record: RunRecord): string {
  if (record.gates.length === 0) return '';
  return markdownTable(
    ['Gate', 'Value', ''],
    record.gates.map((gate) => [
      code(gate.expression),
      inline(gateValue(gate)),
      gate.passed ? '✅ passed' : '❌ failed',
    ]),
  );
}

function latencyTable(record: RunRecord): string {
  if (!hasLatency(record)) return '**Latency** None was recorded.';
  const rows = LATENCY_KINDS.map((kind) => {
    const { count, min, p50, p90, p99, p999, max } = record.latency[kind];
    return [
      kind,
      formatFigure(count, 'count'),
      ...[min, p50, p90, p99, p999, max].map((ms) => formatFigure(ms, 'ms')),
    ];
  });
  return markdownTable(['Latency', 'count', 'min', 'p50', 'p90', 'p99', 'p99.9', 'max'], rows);
}

function ledgerLine(record: RunRecord): string {
  const parts = ledgerLines(record).map(({ label, count, isBad }) => {
    const words = `${label} ${formatFigure(count, 'count')}`;
    return isBad ? `**${words}**` : words;
  });
  const more = [refusalsSentence(record), groupsSentence(record)].filter((each) => each !== undefined);
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
