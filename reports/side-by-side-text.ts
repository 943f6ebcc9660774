import { printableData } from '../record/printable.js';
import { type Column, promisesOf, sideBySide } from '../record/side-by-side.js';
import { sampleWords } from './comparison-text.js';
import { NOT_MEASURED, plural } from './format.js';
import { inline, markdownTable } from './markdown.js';
import { alignedRows, palette } from './terminal.js';

/** The table that all forms show: the names of the columns, what each promises, its verdicts, and the figures. */
export function sideBySideTable(measured: readonly Column[]): string[][] {
  const columns = printableData([...measured]);
  return [
    ['', ...columns.map(({ name }) => name)],
    ['protocol', ...columns.map((column) => promisesOf(column).join(', ') || NOT_MEASURED)],
    ['runs', ...columns.map(({ runs }) => verdictWords(runs.map(({ verdict }) => verdict)))],
    ...sideBySide(columns).map(({ label, unit, cells }) => [
      label,
      ...cells.map((cell) => sampleWords(cell, { unit })),
    ]),
  ];
}

export function sideBySideForTerminal(columns: readonly Column[], colour?: boolean): string {
  const paint = palette(colour);
  // Each thing is a row: many servers fit a page better than many figures a line.
  const [head = [], ...rows] = sideBySideTable(columns);
  const blocks = columns.map((_, index) => {
    const lines = alignedRows(
      rows.map((row) => [row[0] ?? '', row[index + 1] ?? '']),
      (cell, _y, x) => (x === 0 ? paint.quiet(cell) : cell),
    );
    return `\n  ${paint.strong(head[index + 1] ?? '')}\n${lines.map((line) => `    ${line}\n`).join('')}`;
  });
  return `${blocks.join('')}\n`;
}

export function sideBySideAsMarkdown(columns: readonly Column[]): string {
  const [head = [], ...rows] = sideBySideTable(columns);
  return `${markdownTable(
    head.map(inline),
    rows.map((row) => row.map(inline)),
  )}\n`;
}

function verdictWords(verdicts: readonly string[]): string {
  const counts = [...new Set(verdicts)].map(
    (verdict) => `${verdicts.filter((each) => each === verdict).length} ${verdict}`,
  );
  return verdicts.length === 1
    ? (verdicts[0] ?? '')
    : `${plural(verdicts.length, 'run')}: ${counts.join(', ')}`;
}
