import { join } from 'node:path';
import defaultChalk, { Chalk, type ChalkInstance } from 'chalk';
import { RECORD_FILES } from '../record/folder.js';
import { printable, printableData } from '../record/printable.js';
import { LATENCY_KINDS, type RunRecord } from '../record/run.js';
import { agentSentences, lossSentences } from './agents/agent-words.js';
import { cameNearLimit } from './first-break/first-break.js';
import { type BreakWords, breakWords } from './first-break/sentences.js';
import { formatFigure, formatMilliseconds, formatSeconds, plural } from './format.js';
import { foldNotes, noteWords } from './notes.js';
import { phaseLatencies } from './phase-latencies.js';
import { recoverySentence } from './recovery-words.js';
import type { ReportedRun } from './reported-run.js';
import { runTitle } from './run-name.js';
import { type ShownGate, shownGates } from './shown-gates.js';
import { shownVerdict } from './shown-verdict.js';
import {
  alertSentence,
  backlogSentence,
  groupsSentence,
  ledgerLines,
  mediaSentences,
  memorySentence,
  nextBottleneckSentence,
  reasonWords,
  refusalsSentence,
  untoldSentence,
} from './statement.js';

/** The report has all of them. */
const PHASES_TOLD = 8;
const RECOVERIES_TOLD = 5;
const HOSTS_TOLD = 4;
const LOSSES_TOLD = 3;

/** Colours by what they mean, so that the summary and the comparison agree. */
export interface Palette {
  good: ChalkInstance;
  bad: ChalkInstance;
  doubtful: ChalkInstance;
  quiet: ChalkInstance;
  strong: ChalkInstance;
}

/** @param colour false: plain text; default: what chalk finds out about the terminal and NO_COLOR. */
export function palette(colour?: boolean): Palette {
  const chalk = colour === undefined ? defaultChalk : new Chalk({ level: colour ? 1 : 0 });
  return { good: chalk.green, bad: chalk.red, doubtful: chalk.yellow, quiet: chalk.dim, strong: chalk.bold };
}

/**
 * The end of a run, for a tired engineer: the verdict first, then what broke first, then what both rest on, then where
 * the report lies.
 * @param folder of the record, as it should be shown
 */
export function terminalSummary(run: ReportedRun, folder: string, colour?: boolean): string {
  const paint = palette(colour);
  // Whatever its texts hold, they are told and not obeyed; colours are put in behind this.
  const record = printableData(run.record);
  const words = printableData(breakWords(run.record, run.firstBreak));
  const recoveries = printableData(run.firstBreak.recoveries.map(recoverySentence));
  const blocks = [
    headline(run, record, paint),
    breakLines(words, paint),
    gateLines(record, paint),
    latencyLines(record, paint),
    factLines(record, cameNearLimit(run.firstBreak), recoveries, paint),
    foldNotes(record.notes)
      .map((note) => `  ${paint.doubtful('!')} ${noteWords(note)}`)
      .join('\n'),
    `  ${paint.quiet('Report')}  ${printable(join(folder, RECORD_FILES.html))}`,
  ];
  return `\n${blocks.filter(Boolean).join('\n\n')}\n`;
}

/**
 * Columns set flush, the first to the left and the others to the right.
 * Widths are of the plain cells, so `paintCell` may colour without bending the columns.
 */
export function alignedRows(
  rows: string[][],
  paintCell: (padded: string, row: number, column: number) => string = (padded) => padded,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row, y) =>
    row
      .map((cell, x) =>
        paintCell(x === 0 ? cell.padEnd(widths[x] ?? 0) : cell.padStart(widths[x] ?? 0), y, x),
      )
      .join('  ')
      .trimEnd(),
  );
}

function headline({ name, damage }: ReportedRun, record: RunRecord, paint: Palette): string {
  const { word, kind, explanation } = shownVerdict({ record, damage });
  const badge = paint[kind].bold.inverse(` ${word.toUpperCase()} `);
  const { title, subtitle } = printableData(runTitle(name, record));
  const facts = [
    ...(subtitle === '' ? [] : [subtitle]),
    plural(record.connections.peak, 'connection'),
    formatSeconds(record.durationSeconds),
  ].join(', ');
  return `  ${badge}  ${paint.strong(title)} ${paint.quiet(`(${facts})`)}\n  ${explanation}`;
}

function breakLines({ headline: first, details, isBroken }: BreakWords, paint: Palette): string {
  const lines = [isBroken ? paint.strong(first) : first, ...details];
  return lines.map((line) => `  ${line}`).join('\n');
}

function gateLines(record: RunRecord, paint: Palette): string {
  const gates = shownGates(record);
  const rows = gates.map(({ expression, value }) => [expression, value]);
  const marks = { passed: paint.good('✔'), failed: paint.bad('✘'), empty: paint.doubtful('–') };
  return alignedRows(rows, (cell, row, column) =>
    column > 0 && gates[row]?.state === 'failed' ? paint.bad(cell) : cell,
  )
    .map((line, row) => {
      const { state, word } = gates[row] as ShownGate;
      const words = state === 'passed' ? '' : `  ${state === 'failed' ? paint.bad(word) : paint.quiet(word)}`;
      return `  ${marks[state]} ${line}${words}`;
    })
    .join('\n');
}

function latencyLines(record: RunRecord, paint: Palette): string {
  const recorded = LATENCY_KINDS.filter((kind) => record.latency[kind].count > 0);
  if (recorded.length === 0) return `  ${paint.quiet('Latency')}  none was recorded`;
  const rows = recorded.map((kind) => {
    const { count, p50, p90, p99, p999, max } = record.latency[kind];
    return [
      kind,
      formatFigure(count, 'count'),
      ...[p50, p90, p99, p999, max].map((ms) => formatFigure(ms, 'ms')),
    ];
  });
  const table = alignedRows(
    [['Latency', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'], ...rows],
    (cell, row) => (row === 0 ? paint.quiet(cell) : cell),
  );
  return [...table, ...phaseLines(record, paint)].map((line) => `  ${line}`.trimEnd()).join('\n');
}

/** p99 of delivery phase by phase: where the whole run hides a phase, this shows it. */
function phaseLines(record: RunRecord, paint: Palette): string[] {
  const phases = phaseLatencies(record).filter(({ latencies }) => latencies.delivered);
  if (phases.length < 2) return [];
  const words = phases
    .slice(0, PHASES_TOLD)
    .map(({ name, latencies }) => `${name} ${formatFigure(latencies.delivered?.p99, 'ms')}`);
  const more = phases.length > PHASES_TOLD ? ' …' : '';
  return ['', `${paint.quiet('Delivered p99 by phase')}  ${words.join(', ')}${more}`];
}

function factLines(record: RunRecord, isNearLimit: boolean, recoveries: string[], paint: Palette): string {
  const ledger = new Map(ledgerLines(record).map((line) => [line.name, line]));
  const figure = (name: keyof RunRecord['messages']): string => {
    const line = ledger.get(name);
    const words = `${formatFigure(record.messages[name], 'count')} ${line?.label ?? name}`;
    return line?.isBad ? paint.bad(words) : words;
  };
  const figures = (names: (keyof RunRecord['messages'])[]): string =>
    names
      .filter((name) => record.messages[name] !== null)
      .map(figure)
      .join(', ');
  const facts: [string, string[]][] = [
    [
      'Messages',
      [
        figures(['sent', 'accepted', 'delivered', 'receipted']),
        figures([
          'lost',
          ...(record.messages.unknown ? (['unknown'] as const) : []),
          'duplicated',
          'outOfOrder',
          'redelivered',
          'refused',
          'unsent',
        ]),
        ...[untoldSentence(record) ?? []].flat(),
        ...[refusalsSentence(record) ?? []].flat(),
        ...[groupsSentence(record) ?? []].flat(),
      ],
    ],
    ['Connects', [connectSentence(record)]],
    ...(record.media ? [['Media', mediaSentences(record)] as [string, string[]]] : []),
    [
      'Queues',
      [
        ...[backlogSentence(record) ?? []].flat(),
        ...[nextBottleneckSentence(record, isNearLimit) ?? []].flat(),
        ...record.backlog.alerts.slice(0, 3).map(alertSentence),
      ],
    ],
    ...(recoveries.length > 0 ? [['Recovery', someOf(recoveries)] as [string, string[]]] : []),
    ['Memory', [memorySentence(record)]],
    [
      'Generator',
      [
        `lag p99 ${formatFigure(record.generator.lagMs.p99, 'ms')} (limit ${formatMilliseconds(record.generator.lagLimitMs)})`,
        ...agentSentences(record, HOSTS_TOLD),
        ...lossSentences(record, LOSSES_TOLD).map((words) => paint.bad(words)),
      ],
    ],
  ];
  return facts
    .flatMap(([name, lines]) =>
      lines.map((line, row) => `  ${row === 0 ? paint.quiet(name.padEnd(9)) : ' '.repeat(9)}  ${line}`),
    )
    .join('\n');
}

function someOf(recoveries: string[]): string[] {
  const more = recoveries.length - RECOVERIES_TOLD;
  return more > 0 ? [...recoveries.slice(0, RECOVERIES_TOLD), `and ${more} more, in the report`] : recoveries;
}

function connectSentence(record: RunRecord): string {
  const { connectsPerSecond, failed, dropped, failures } = record.connections;
  const reasons = reasonWords(failures);
  const words = `${formatFigure(connectsPerSecond, 'perSecond')}, ${formatFigure(failed, 'count')} failed, ${formatFigure(dropped, 'count')} dropped`;
  return reasons === '' ? words : `${words}; by reason: ${reasons}`;
}
