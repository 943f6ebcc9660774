import { printableData } from '../record/printable.js';
import type { Comparison, ComparisonRow } from './compare.js';
import { formatChange, formatFigure, NOT_MEASURED, plural } from './format.js';
import { code, inline, markdownTable } from './markdown.js';
import { alignedRows, palette } from './terminal.js';

/** The comparison for a terminal, regressions marked with a word and not with colour alone. */
export function comparisonForTerminal(compared: Comparison, colour?: boolean): string {
  const paint = palette(colour);
  const comparison = printableData(compared);
  const rows = comparison.rows.map((row) => [row.label, ...cells(row), wordFor(row)]);
  const lines = alignedRows([['', 'base', 'current', 'change', '', ''], ...rows], (cell, y, x) => {
    const row = comparison.rows[y - 1];
    if (row === undefined) return paint.quiet(cell);
    if (x === 0) return cell;
    if (row.isRegression) return paint.bad(cell);
    return row.isImprovement && x > 2 ? paint.good(cell) : cell;
  });
  const { base, current } = comparison;
  return [
    '',
    `  ${paint.quiet('base   ')}  ${base.id}  ${paint.quiet(base.verdict)}`,
    `  ${paint.quiet('current')}  ${current.id}  ${paint.quiet(current.verdict)}`,
    ...(comparison.warnings.length > 0 ? [''] : []),
    ...comparison.warnings.map((warning) => `  ${paint.doubtful('!')} ${warning}`),
    '',
    ...lines.map((line) => `  ${line}`),
    '',
    `  ${comparison.regressions.length > 0 ? paint.bad('✘') : paint.good('✔')} ${conclusion(comparison)}`,
    '',
  ].join('\n');
}

/** The comparison as GitHub-flavoured Markdown, for a pull request or a CI job's page. */
export function comparisonAsMarkdown(compared: Comparison): string {
  const comparison = printableData(compared);
  const { base, current, regressions, warnings, rows } = comparison;
  const table = markdownTable(
    ['', 'base', 'current', 'change', '', ''],
    rows.map((row) => {
      const words = [row.label, ...cells(row)].map(inline);
      const mark = row.isRegression ? '❌ worse' : row.isImprovement ? '✅ better' : '';
      return [...words, mark];
    }),
  );
  const sections = [
    `## ${regressions.length > 0 ? '❌' : '✅'} ${conclusion(comparison)}`,
    `Base ${code(base.id)} (${base.verdict}), current ${code(current.id)} (${current.verdict}).`,
    warnings.map((warning) => `> ⚠️ ${inline(warning)}`).join('\n>\n'),
    table,
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

/** One sentence that says how it ended. */
export function conclusion({ regressions, tolerance }: Comparison): string {
  const limit = `${Math.round(tolerance * 1000) / 10} %`;
  if (regressions.length === 0) return `No regression past ${limit}.`;
  const names = regressions.slice(0, 4).map((row) => row.label);
  const more = regressions.length > 4 ? ', …' : '';
  return `${plural(regressions.length, 'regression')} past ${limit}: ${names.join(', ')}${more}.`;
}

function cells(row: ComparisonRow): string[] {
  const { absoluteChange, relativeChange, unit } = row;
  if (absoluteChange === null)
    return [formatFigure(row.base, unit), formatFigure(row.current, unit), NOT_MEASURED, ''];
  const sign = absoluteChange > 0 ? '+' : absoluteChange < 0 ? '−' : '±';
  return [
    formatFigure(row.base, unit),
    formatFigure(row.current, unit),
    `${sign}${formatFigure(Math.abs(absoluteChange), unit)}`,
    relativeChange === null ? '' : formatChange(relativeChange),
  ];
}

function wordFor(row: ComparisonRow): string {
  if (row.isRegression) return 'worse';
  return row.isImprovement ? 'better' : '';
}
