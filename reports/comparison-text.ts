import type { ComparedFigure, SetComparison, SetOfRuns } from '../record/comparison/compare-sets.js';
import type { JudgedFigure } from '../record/comparison/judge-sets.js';
import type { Sample } from '../record/comparison/sample.js';
import type { Unit } from '../record/metrics.js';
import { printableData } from '../record/printable.js';
import { formatChange, formatFigure, formatRatio, NOT_MEASURED, plural } from './format.js';
import { code, inline, markdownTable } from './markdown.js';
import { alignedRows, palette } from './terminal.js';

type Row = JudgedFigure<ComparedFigure>;

const HEAD = ['', 'base', 'current', 'change', ''];
const NAMED = 4;

/** The comparison for a terminal, every judgement a word and not a colour alone. */
export function comparisonForTerminal(compared: SetComparison, colour?: boolean): string {
  const paint = palette(colour);
  const comparison = printableData(compared);
  const rows = comparison.rows.map((row) => cellsOf(row));
  const lines = alignedRows([HEAD, ...rows], (cell, y, x) => {
    const row = comparison.rows[y - 1];
    if (row === undefined) return paint.quiet(cell);
    if (row.verdict === 'worse' || row.verdict === 'missing') return x === 0 ? cell : paint.bad(cell);
    if (row.verdict === 'better') return x > 2 ? paint.good(cell) : cell;
    return row.isSuspect && x > 2 ? paint.doubtful(cell) : cell;
  });
  const mark = { worse: paint.bad('✘'), undecided: paint.doubtful('?'), 'not worse': paint.good('✔') };
  const { base, current, faults, warnings, outcome } = comparison;
  return [
    '',
    `  ${paint.quiet('base   ')}  ${setWords(base)}`,
    `  ${paint.quiet('current')}  ${setWords(current)}`,
    '',
    ...faults.map((fault) => `  ${paint.bad('✘')} ${fault}`),
    ...warnings.map((warning) => `  ${paint.doubtful('!')} ${warning}`),
    '',
    ...lines.map((line) => `  ${line}`),
    '',
    `  ${mark[outcome]} ${conclusion(comparison)}`,
    `  ${paint.quiet(methodWords(comparison))}`,
    '',
  ].join('\n');
}

/** The comparison as GitHub-flavoured Markdown, for a pull request or a CI job's page. */
export function comparisonAsMarkdown(compared: SetComparison): string {
  const comparison = printableData(compared);
  const { base, current, faults, warnings, rows, outcome } = comparison;
  const mark = { worse: '❌', undecided: '❔', 'not worse': '✅' }[outcome];
  const table = markdownTable(
    HEAD,
    rows.map((row) => cellsOf(row).map(inline)),
  );
  const sections = [
    `## ${mark} ${inline(conclusion(comparison))}`,
    `Base ${code(base.name)}, ${plural(base.runs.length, 'run')}; current ${code(current.name)}, ${plural(current.runs.length, 'run')}.`,
    [
      ...faults.map((fault) => `> ❌ ${inline(fault)}`),
      ...warnings.map((warning) => `> ⚠️ ${inline(warning)}`),
    ].join('\n>\n'),
    table,
    methodWords(comparison),
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

/** One sentence that says how it ended. */
export function conclusion({ rows, faults, outcome, smallestEffect }: SetComparison): string {
  const limit = formatRatio(smallestEffect);
  const named = (these: Row[]): string => {
    const labels = these.slice(0, NAMED).map(({ figure }) => figure.label);
    const more = these.length - labels.length;
    return `${labels.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  };
  const worse = rows.filter(({ verdict }) => verdict === 'worse');
  const suspects = rows.filter(({ verdict, isSuspect }) => verdict === 'inconclusive' && isSuspect);
  switch (outcome) {
    case 'worse':
      if (worse.length === 0) return `Not comparable, or not passed: ${faults[0]}.`;
      return `Worse in ${plural(worse.length, 'figure')}: ${named(worse)}.`;
    case 'undecided':
      return `Undecided: ${named(suspects)} may be worse by ${limit} or more, and these runs cannot tell.`;
    case 'not worse':
      return `No figure is worse by ${limit} or more, as far as these runs can tell.`;
  }
}

/** What the words stand on. */
export function methodWords({ isInterleaved, level, smallestEffect }: SetComparison): string {
  return (
    `Median (lowest to highest) of the runs; ${isInterleaved ? 'interleaved, so the drift of the machine is taken off; ' : ''}` +
    `Mann-Whitney test, Hodges-Lehmann estimate, corrected for many figures after Benjamini and Hochberg; ` +
    `level ${level}, smallest effect ${formatRatio(smallestEffect)}.`
  );
}

export function setWords({ name, runs }: SetOfRuns): string {
  const verdicts = [...new Set(runs.map(({ verdict }) => verdict))].join(', ');
  return `${name}, ${plural(runs.length, 'run')}, ${verdicts}`;
}

function cellsOf(row: Row): string[] {
  const { figure, base, current } = row;
  return [
    figure.label,
    sampleWords(base, figure),
    sampleWords(current, figure),
    changeWords(row),
    verdictWords(row),
  ];
}

/** `1.2 ms (1.1 ms to 1.4 ms)` */
export function sampleWords(sample: Sample | null, { unit }: { unit: Unit }): string {
  if (sample === null) return NOT_MEASURED;
  const { median, lowest, highest } = sample;
  if (lowest === highest) return formatFigure(median, unit);
  return `${formatFigure(median, unit)} (${formatFigure(lowest, unit)} to ${formatFigure(highest, unit)})`;
}

/** `+12.5 % (+8 % to +17 %)`, or the difference of what may be zero. */
export function changeWords({ change, figure }: Row): string {
  if (change === null) return NOT_MEASURED;
  const { estimate, interval } = change;
  if (change.scale === 'ratio') {
    const range = interval
      ? ` (${formatChange(interval.low - 1)} to ${formatChange(interval.high - 1)})`
      : '';
    return `${formatChange(estimate - 1)}${range}`;
  }
  if (estimate === 0) return '±0';
  return `${estimate > 0 ? '+' : '−'}${formatFigure(Math.abs(estimate), figure.unit)}`;
}

export function verdictWords({ verdict, moreRuns }: Row): string {
  if (verdict !== 'inconclusive') return verdict ?? '';
  return moreRuns === null ? 'inconclusive' : `inconclusive: needs about ${plural(moreRuns, 'more run')}`;
}
