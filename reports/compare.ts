import { figureAt } from '../record/figure.js';
import { METRICS, type Metric } from '../record/metrics.js';
import type { RunRecord } from '../record/run.js';

type ComparedMetric = Metric & { comparison: NonNullable<Metric['comparison']> };

const COMPARED = METRICS.filter((metric): metric is ComparedMetric => metric.comparison !== undefined);

/** Two runs side by side. */
export interface Comparison {
  base: ComparedRun;
  current: ComparedRun;
  /** A change for the worse of up to this share of the base is no regression: 0.1 is 10 %. */
  tolerance: number;
  /** Every figure that at least one of the runs recorded. */
  rows: ComparisonRow[];
  /** The rows that got worse by more than their tolerance. Empty: nothing stands in the way. */
  regressions: ComparisonRow[];
  /** Why the figures may differ for another reason than the code: another machine, another scenario. */
  warnings: string[];
}

export interface ComparedRun {
  id: string;
  name: string;
  startedAt: string;
  verdict: RunRecord['verdict'];
}

export interface ComparisonRow extends ComparedMetric {
  base: number | null;
  current: number | null;
  /** Current minus base, in the figure's unit; null where one of them was not recorded. */
  absoluteChange: number | null;
  /** The change as a share of the base; null where the base is zero or one was not recorded. */
  relativeChange: number | null;
  isRegression: boolean;
  isImprovement: boolean;
}

/** @param tolerance share of the base; strict figures (lost, duplicated, out of order) know none */
export function compareRecords(base: RunRecord, current: RunRecord, tolerance = 0.1): Comparison {
  const rows = COMPARED.map((metric) => compareFigure(metric, base, current, tolerance)).filter(
    (row) => row.base !== null || row.current !== null,
  );
  return {
    base: runOf(base),
    current: runOf(current),
    tolerance,
    rows,
    regressions: rows.filter((row) => row.isRegression),
    warnings: [
      ...verdictWarnings(base, current),
      ...scenarioWarnings(base, current),
      ...hostWarnings(base, current),
      ...goneWarnings(rows),
    ],
  };
}

function runOf({ id, name, startedAt, verdict }: RunRecord): ComparedRun {
  return { id, name, startedAt, verdict };
}

function compareFigure(
  metric: ComparedMetric,
  before: RunRecord,
  after: RunRecord,
  tolerance: number,
): ComparisonRow {
  const base = figureAt(before, metric.path);
  const current = figureAt(after, metric.path);
  const row = { ...metric, base, current };
  if (base === null || current === null) {
    return { ...row, absoluteChange: null, relativeChange: null, isRegression: false, isImprovement: false };
  }
  const absoluteChange = current - base;
  const relativeChange = base === 0 ? null : absoluteChange / base;
  const towardsWorse =
    metric.worse === 'higher' ? absoluteChange : metric.worse === 'lower' ? -absoluteChange : 0;
  const { judged, noise } = metric.comparison;
  const slack = judged === 'noise' ? Math.max(base * tolerance, noise) : judged === 'strict' ? 0 : Infinity;
  return {
    ...row,
    absoluteChange,
    relativeChange,
    isRegression: towardsWorse > slack,
    isImprovement: -towardsWorse > slack,
  };
}

function verdictWarnings(base: RunRecord, current: RunRecord): string[] {
  return (
    [
      ['base', base],
      ['current', current],
    ] as const
  ).flatMap(([name, { verdict }]) => {
    if (verdict === 'invalid')
      return [`the ${name} run is invalid: its generator could not keep its schedule`];
    if (verdict === 'partial')
      return [`the ${name} run is partial: it was stopped before its last phase ended`];
    return [];
  });
}

function scenarioWarnings(base: RunRecord, current: RunRecord): string[] {
  const differences = differingPaths(workloadOf(base), workloadOf(current));
  const warnings: string[] = [];
  if (base.name !== current.name) warnings.push(`the scenarios differ: ${base.name} and ${current.name}`);
  if (differences.length > 0) {
    const shown = differences.slice(0, 5).join(', ');
    const rest = differences.length > 5 ? ` and ${differences.length - 5} more` : '';
    warnings.push(`the scenarios ran with different values: ${shown}${rest}`);
  }
  if (base.target.serverWorkers !== current.target.serverWorkers) {
    warnings.push(
      `server workers: ${base.target.serverWorkers ?? 'not known'}, now ${current.target.serverWorkers ?? 'not known'}`,
    );
  }
  if (base.target.store !== current.target.store) {
    warnings.push(`store: ${base.target.store ?? 'not known'}, now ${current.target.store ?? 'not known'}`);
  }
  if (base.generator.agents !== current.generator.agents) {
    warnings.push(`agents: ${base.generator.agents}, now ${current.generator.agents}`);
  }
  return warnings;
}

/** What decides how hard a run is; its name and its gates do not. */
function workloadOf({ scenario }: RunRecord): Record<string, unknown> {
  const { name: _name, description: _description, gates: _gates, ...workload } = scenario.resolved;
  return workload;
}

function hostWarnings(base: RunRecord, current: RunRecord): string[] {
  // Another c2m is what one compares for; another machine is not.
  const { c2m: _base, ...before } = base.environment;
  const { c2m: _current, ...after } = current.environment;
  return differingPaths(before, after).map(
    (path) => `the environments differ in ${path}: ${valueAt(before, path)}, now ${valueAt(after, path)}`,
  );
}

function goneWarnings(rows: ComparisonRow[]): string[] {
  return rows
    .filter((row) => row.base !== null && row.current === null)
    .map((row) => `${row.label} was recorded in the base and is not any more`);
}

/** Paths of the leaves that are not the same in both, arrays walked by index. */
function differingPaths(one: unknown, other: unknown, path = ''): string[] {
  if (isContainer(one) && isContainer(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].flatMap((key) => differingPaths(one[key], other[key], path ? `${path}.${key}` : key));
  }
  return JSON.stringify(one) === JSON.stringify(other) ? [] : [path];
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function valueAt(root: unknown, path: string): string {
  let node = root;
  for (const key of path.split('.')) node = isContainer(node) ? node[key] : undefined;
  return node === undefined || node === null ? 'not known' : String(node);
}
