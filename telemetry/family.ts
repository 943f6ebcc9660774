/** Figures of one name, as every exporter takes them: of Prometheus, of OpenTelemetry. */
export type Family = NumberFamily | HistogramFamily;

export type Labels = Record<string, string>;

interface Named {
  /** By the conventions of Prometheus: the unit at its end. */
  name: string;
  help: string;
}

export interface NumberFamily extends Named {
  /** `counter`: it only grows while a run goes on. */
  kind: 'counter' | 'gauge';
  points: { labels: Labels; value: number }[];
}

export interface HistogramFamily extends Named {
  kind: 'histogram';
  points: HistogramPoint[];
}

export interface HistogramPoint {
  labels: Labels;
  /** Upper bounds, in the unit of the name; what is above the last has a bucket of its own. */
  bounds: readonly number[];
  /** Of each bucket alone, one more than there are bounds. */
  counts: readonly number[];
  sum: number;
}

/**
 * Points of one label whose values others choose (a server, a scenario) within a bound: a page that a server can make longer
 * and longer is a way to harm whoever reads it.
 */
export const MOST_SERIES = 200;

/** @param values by the value of the label; a page has each series once, so of one that is there twice the last counts */
export function pointsBy(label: string, values: Iterable<[string, number]>): NumberFamily['points'] {
  const known = new Map<string, number>();
  for (const [name, value] of values) {
    if (known.size < MOST_SERIES || known.has(name)) known.set(name, value);
  }
  return [...known].map(([name, value]) => ({ labels: { [label]: name }, value }));
}
