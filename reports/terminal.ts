import { join } from 'node:path';
import defaultChalk, { Chalk, type ChalkInstance } from 'chalk';
import { RECORD_FILES } from '../record/folder.js';
import { printable, printableData } from '../record/printable.js';
import { LATENCY_KINDS, type RunRecord } from '../record/run.js';
import { formatFigure, formatMilliseconds, formatSeconds, plural } from './format.js';
import {
  alertSentence,
  backlogSentence,
  explainVerdict,
  gateValue,
  groupsSentence,
  ledgerLines,
  mediaSentences,
  memorySentence,
  nextBottleneckSentence,
  reasonWords,
  refusalsSentence,
  VERDICT_WORDS,
} from './statement.js';

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
 * The end of a run, for a tired engineer: the verdict first, then what it rests on, then where the report lies.
 * @param folder of the record, as it should be shown
 */
export function terminalSummary(measured: RunRecord, folder: string, colour?: boolean): string {
  const paint = palette(colour);
  // Whatever its texts hold, they are told and not obeyed; colours are put in behind this.
  const record = printableData(measured);
  const blocks = [
    headline(record, paint),
    gateLines(record, paint),
    latencyLines(record, paint),
    factLines(record, paint),
    record.notes.map((note) => `  ${paint.doubtful('!')} ${note}`).join('\n'),
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

function headline(record: RunRecord, paint: Palette): string {
  const word = VERDICT_WORDS[record.verdict].toUpperCase();
  const colour = { passed: paint.good, failed: paint.bad, invalid: paint.doubtful, partial: paint.doubtful };
  const badge = colour[record.verdict].bold.inverse(` ${word} `);
  const facts = [plural(record.connections.peak, 'connection'), formatSeconds(record.durationSeconds)].join(
    ', ',
  );
  return `  ${badge}  ${paint.strong(record.name)} ${paint.quiet(`(${facts})`)}\n  ${explainVerdict(record)}`;
}

function gateLines(record: RunRecord, paint: Palette): string {
  const rows = record.gates.map((gate) => [gate.expression, gateValue(gate)]);
  return alignedRows(rows, (cell, row, column) => {
    if (column === 0) return cell;
    return record.gates[row]?.passed ? cell : paint.bad(cell);
  })
    .map((line, row) => {
      const mark = record.gates[row]?.passed ? paint.good('✔') : paint.bad('✘');
      return `  ${mark} ${line}${record.gates[row]?.passed ? '' : `  ${paint.bad('failed')}`}`;
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
  return alignedRows([['Latency', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'], ...rows], (cell, row) =>
    row === 0 ? paint.quiet(cell) : cell,
  )
    .map((line) => `  ${line}`)
    .join('\n');
}

function factLines(record: RunRecord, paint: Palette): string {
  const ledger = new Map(ledgerLines(record).map((line) => [line.name, line]));
  const figure = (name: keyof RunRecord['messages']): string => {
    const line = ledger.get(name);
    const words = `${formatFigure(record.messages[name], 'count')} ${line?.label ?? name}`;
    return line?.isBad ? paint.bad(words) : words;
  };
  const facts: [string, string[]][] = [
    [
      'Messages',
      [
        (['sent', 'accepted', 'delivered', 'receipted'] as const).map(figure).join(', '),
        (['lost', 'duplicated', 'outOfOrder', 'redelivered', 'refused', 'unsent'] as const)
          .map(figure)
          .join(', '),
        ...[refusalsSentence(record) ?? []].flat(),
        ...[groupsSentence(record) ?? []].flat(),
      ],
    ],
    ['Connects', [connectSentence(record)]],
    ...(record.media ? [['Media', mediaSentences(record)] as [string, string[]]] : []),
    [
      'Queues',
      [
        backlogSentence(record),
        ...[nextBottleneckSentence(record) ?? []].flat(),
        ...record.backlog.alerts.slice(0, 3).map(alertSentence),
      ],
    ],
    ['Memory', [memorySentence(record)]],
    [
      'Generator',
      [
        `lag p99 ${formatFigure(record.generator.lagMs.p99, 'ms')} (limit ${formatMilliseconds(record.generator.lagLimitMs)})`,
      ],
    ],
  ];
  return facts
    .flatMap(([name, lines]) =>
      lines.map((line, row) => `  ${row === 0 ? paint.quiet(name.padEnd(9)) : ' '.repeat(9)}  ${line}`),
    )
    .join('\n');
}

function connectSentence(record: RunRecord): string {
  const { connectsPerSecond, failed, dropped, failures } = record.connections;
  const reasons = reasonWords(failures);
  const words = `${formatFigure(connectsPerSecond, 'perSecond')}, ${formatFigure(failed, 'count')} failed, ${formatFigure(dropped, 'count')} dropped`;
  return reasons === '' ? words : `${words}; by reason: ${reasons}`;
}
