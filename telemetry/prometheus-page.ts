import { type Metric, Registry, type RegistryContentType } from 'prom-client';
import type { Family, HistogramPoint, Labels } from './family.js';

/** Text format 0.0.4, which every Prometheus reads, and OpenMetrics for whoever asks for that. */
export type PageFormat = 'prometheus' | 'openmetrics';

const CONTENT_TYPES = {
  prometheus: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
} as const;

export function contentTypeOf(format: PageFormat): string {
  return CONTENT_TYPES[format];
}

/** What the client that asks can read, by its header `Accept`. */
export function formatFor(accept: string | undefined): PageFormat {
  return accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'prometheus';
}

/** Writes families as a page that Prometheus scrapes. */
export function prometheusPage(
  families: readonly Family[],
  format: PageFormat = 'prometheus',
): Promise<string> {
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(CONTENT_TYPES[format]);
  for (const family of families) registry.registerMetric(new PageMetric(family) as unknown as Metric);
  return registry.metrics();
}

interface Line {
  metricName?: string;
  labels: Labels;
  value: number;
}

/**
 * What the registry asks of a metric. The metrics of the library count for themselves; ours are counted already, by the
 * clients. The registry writes to `name`: in OpenMetrics a counter is named without its `_total`.
 */
class PageMetric {
  name: string;
  readonly help: string;
  readonly type: Family['kind'];
  readonly #family: Family;

  constructor(family: Family) {
    this.name = family.name;
    this.help = family.help;
    this.type = family.kind;
    this.#family = family;
  }

  async get(): Promise<{ name: string; help: string; type: Family['kind']; values: Line[] }> {
    const { name, help, type } = this;
    return { name, help, type, values: linesOf(this.#family) };
  }
}

function linesOf(family: Family): Line[] {
  if (family.kind !== 'histogram') return family.points.map(({ labels, value }) => ({ labels, value }));
  return family.points.flatMap((point) => histogramLines(family.name, point));
}

function histogramLines(name: string, { labels, bounds, counts, sum }: HistogramPoint): Line[] {
  let total = 0;
  const buckets = counts.map((count, index): Line => {
    total += count;
    const le = index < bounds.length ? String(bounds[index]) : '+Inf';
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
