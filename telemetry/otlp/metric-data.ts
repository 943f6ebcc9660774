import type { HrTime } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import { NAME_PREFIX } from '../../record/metric-names.js';
import type { Family, HistogramPoint } from '../family.js';
import type { OtlpSdk } from './load-sdk.js';

/** Endings of Prometheus' names, and how OpenTelemetry says the same beside the name (https://ucum.org). */
const UNITS: [RegExp, string][] = [
  [/_seconds$/, 's'],
  [/_bytes$/, 'By'],
  [/_ratio$/, '1'],
  [/_cores$/, '{cpu}'],
];

/**
 * The name and unit of a family in OpenTelemetry. Whoever translates them back for Prometheus, as a collector does, comes to
 * the name that the page has: `c2m.run.latency` in seconds is `c2m_run_latency_seconds`.
 */
export function otlpName(name: string): { name: string; unit: string } {
  const short = name.slice(NAME_PREFIX.length).replace(/_total$/, '');
  const [ending, unit] = UNITS.find(([pattern]) => pattern.test(short)) ?? [/$/, ''];
  // A collector does not write {cpu} behind a name, so it has to stay there.
  return { name: `c2m.run.${unit === '{cpu}' ? short : short.replace(ending, '')}`, unit };
}

/** A family as the SDK hands it to its exporters. */
export function metricData(
  { api, metrics }: OtlpSdk,
  family: Family,
  startTime: HrTime,
  endTime: HrTime,
): MetricData {
  const descriptor = { ...otlpName(family.name), description: family.help, valueType: api.ValueType.DOUBLE };
  const common = { descriptor, aggregationTemporality: metrics.AggregationTemporality.CUMULATIVE };
  if (family.kind === 'histogram') {
    const dataPoints = family.points.map((point) => ({
      startTime,
      endTime,
      attributes: point.labels,
      value: histogramValue(point),
    }));
    return { ...common, dataPointType: metrics.DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = family.points.map(({ labels, value }) => ({
    startTime,
    endTime,
    attributes: labels,
    value,
  }));
  return family.kind === 'counter'
    ? { ...common, dataPointType: metrics.DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...common, dataPointType: metrics.DataPointType.GAUGE, dataPoints };
}

function histogramValue({ bounds, counts, sum }: HistogramPoint) {
  return {
    buckets: { boundaries: [...bounds], counts: [...counts] },
    sum,
    count: counts.reduce((total, count) => total + count, 0),
  };
}
