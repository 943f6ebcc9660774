import { sampleOf } from '../record/comparison/sample.js';
import { figureAt } from '../record/figure.js';
import { METRICS } from '../record/metrics.js';
import { printableData } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import { formatFigure, formatRatio, plural } from './format.js';
import { alignedRows, palette } from './terminal.js';

/** What the runs of a set have in common, and how far they are apart. */
export function spreadForTerminal(measured: readonly RunRecord[], colour?: boolean): string {
  const records = printableData([...measured]);
  const paint = palette(colour);
  const rows = METRICS.flatMap(({ path, label, unit, comparison }) => {
    const values = comparison ? records.map((record) => figureAt(record, path)) : [];
    const sample = sampleOf(values.filter((value) => value !== null));
    if (sample === null) return [];
    const { median, lowest, highest } = sample;
    const spread = median > 0 ? formatRatio((highest - lowest) / median) : '';
    return [[label, ...[median, lowest, highest].map((value) => formatFigure(value, unit)), spread]];
  });
  const lines = alignedRows([['', 'median', 'lowest', 'highest', 'spread'], ...rows], (cell, y) =>
    y === 0 ? paint.quiet(cell) : cell,
  );
  const verdicts = records.map(({ verdict }) => verdict).join(', ');
  return `\n  ${plural(records.length, 'run')}: ${verdicts}\n\n${lines.map((line) => `  ${line}\n`).join('')}\n`;
}
