import { readSeries } from '../../scenarios/prometheus-series.js';
import type { MetricSeries } from '../../scenarios/scenario.js';

/** Where the name of a metric ends in a line. */
const BEHIND_NAME = /[{ \t]/;
const VALUE = /[ \t]*(\S+)/y;

/**
 * What a page in the text format of Prometheus (version 0.0.4, and as much of OpenMetrics) says of some series: of each the
 * sum over all that have its labels. Comments, time stamps and exemplars are passed over, and so are values that are no
 * numbers (NaN), as of a summary that has seen nothing. A series that is not there, or not finite, is left out.
 */
export function readPrometheusPage(page: string, wanted: readonly MetricSeries[]): Map<string, number> {
  const byMetric = new Map<string, MetricSeries[]>();
  for (const each of wanted) byMetric.set(each.metric, [...(byMetric.get(each.metric) ?? []), each]);
  const sums = new Map<string, number>();
  for (const line of page.split('\n')) {
    const text = line.trimStart();
    const nameEnd = text.search(BEHIND_NAME);
    // Most lines are of no series that anybody asked for: they are not read any further.
    const asked = nameEnd > 0 ? byMetric.get(text.slice(0, nameEnd)) : undefined;
    if (asked) addLine(text, asked, sums);
  }
  for (const [name, sum] of sums) if (!Number.isFinite(sum)) sums.delete(name);
  return sums;
}

function addLine(line: string, asked: readonly MetricSeries[], sums: Map<string, number>): void {
  const series = readSeries(line);
  if (!series) return;
  VALUE.lastIndex = series.end;
  const value = numberOf(VALUE.exec(line)?.[1]);
  if (Number.isNaN(value)) return;
  for (const { name, labels } of asked) {
    const hasLabels = Object.entries(labels).every(([label, wanted]) => series.labels.get(label) === wanted);
    if (hasLabels) sums.set(name, (sums.get(name) ?? 0) + value);
  }
}

/** Not a number for `NaN`, and for what is none. */
function numberOf(text: string | undefined): number {
  const infinity = /^([+-]?)Inf$/.exec(text ?? '');
  if (infinity) return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return text === undefined ? Number.NaN : Number(text);
}
