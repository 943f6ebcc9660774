import { figureAt } from '../../record/figure.js';
import { exportedName } from '../../record/metric-names.js';
import { METRICS } from '../../record/metrics.js';
import { printable } from '../../record/printable.js';
import type { RunRecord } from '../../record/run.js';

/** Too many of them, and nobody finds those that matter in the merge request. */
const MOST_NAMES = 50;

/** Where the run names what stands for a placeholder. */
const NAMES: [RegExp, (record: RunRecord) => string[]][] = [
  [/^phases\.<name>\./, ({ phases }) => phases.map(({ name }) => name)],
  [/^backlog\.queues\.<name>\./, ({ backlog }) => backlog.queues.map(({ name }) => name)],
  [/^connections\.failures\.<reason>$/, ({ connections }) => Object.keys(connections.failures)],
  [/^refusals\.<reason>$/, ({ refusals }) => Object.keys(refusals)],
  [/^serverMetrics\.<name>\./, ({ serverMetrics = [] }) => serverMetrics.map(({ name }) => name)],
];

/**
 * The figures that comparisons judge, those of the gates, and what the run names of those, as GitLab's metrics report:
 * OpenMetrics without types, a figure a line. GitLab takes values for text and shows each that is another than on the target
 * branch. https://docs.gitlab.com/ci/testing/metrics_reports/
 */
export function metricsReport(record: RunRecord): string {
  const gated = new Set(record.gates.map(({ expression }) => /^[^\s<>=!]+/.exec(expression)?.[0] ?? ''));
  const paths = METRICS.flatMap(({ path, comparison }) => {
    const concrete = concretePaths(path, record);
    return comparison && concrete.length === 1 ? concrete : concrete.filter((each) => gated.has(each));
  });
  const lines = paths.flatMap((path) => {
    const value = figureAt(record, path);
    if (value === null) return [];
    const { name, labels, factor } = exportedName(path);
    return [`${name}${labelText({ ...labels, scenario: record.name })} ${numberText(value * factor)}`];
  });
  return [...new Set(lines), '# EOF', ''].join('\n');
}

function concretePaths(path: string, record: RunRecord): string[] {
  const names = NAMES.find(([pattern]) => pattern.test(path))?.[1];
  if (!names) return path.includes('<') ? [] : [path];
  return (
    names(record)
      .slice(0, MOST_NAMES)
      // A path has dots between its parts, and no part of its own may have one.
      .filter((name) => /^[^.\s]+$/.test(name))
      .map((name) => path.replace(/<\w+>/, () => name))
  );
}

/** GitLab cuts a line at a #, wherever it stands, and splits it as a shell would. */
function labelText(labels: Record<string, string>): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${printable(value).replace(/["'\\#\s]/g, '_')}"`,
  );
  return `{${parts.join(',')}}`;
}

/** 0.1 + 0.2 would be shown as another value than 0.3. */
function numberText(value: number): string {
  return String(Number(value.toPrecision(12)));
}
