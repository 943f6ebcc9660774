import type { SetComparison } from '../record/comparison/compare-sets.js';
import { printableData } from '../record/printable.js';
import { changeWords, conclusion, setWords } from './comparison-text.js';
import { type JunitCase, junitSuite } from './junit-suite.js';

/** A comparison as JUnit XML: one case a figure that is judged, and one for each reason that makes it no comparison. */
export function comparisonJunit(compared: SetComparison): string {
  const comparison = printableData(compared);
  const { base, current, rows, faults, outcome } = comparison;
  const figures = rows
    .filter(({ verdict }) => verdict !== null)
    .map((row): JunitCase => {
      const isWorse = row.verdict === 'worse' || row.verdict === 'missing';
      return {
        name: row.figure.label,
        failure: isWorse ? `${row.figure.label} is ${row.verdict}: ${changeWords(row)}` : null,
      };
    });
  const newest = current.runs.at(-1);
  return junitSuite({
    name: `c2m.compare.${newest?.name ?? ''}`,
    startedAt: newest?.startedAt ?? new Date(0).toISOString(),
    seconds: current.runs.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0),
    properties: [
      ['base', setWords(base)],
      ['current', setWords(current)],
      ['outcome', outcome],
    ],
    cases: [
      ...faults.map((fault): JunitCase => ({ name: 'the runs can be compared', failure: fault })),
      ...figures,
      ...(outcome === 'undecided'
        ? [{ name: 'the runs are enough to tell', failure: conclusion(comparison) }]
        : []),
    ],
  });
}
