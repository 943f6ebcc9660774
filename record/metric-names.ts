import { type Metric, metricAt, type Unit } from './metrics.js';

/**
 * A figure of run.json under the name that the conventions of Prometheus want: lower case, base units, the unit said at the
 * end, `_total` behind what only grows. https://prometheus.io/docs/practices/naming/
 */
export interface ExportedName {
  /** Such as `c2m_run_latency_delivered_p99_seconds`. */
  name: string;
  /** What the run names within the path: a phase, a queue, a reason. */
  labels: Record<string, string>;
  /** From the metric's own unit to that of the name. */
  factor: number;
  /** It only grows while the run goes on. */
  isCounter: boolean;
}

/** The server's own page says `c2m_`: what its clients counted is another figure, and has another name. */
export const NAME_PREFIX = 'c2m_run_';

/** What a placeholder of a path is called, by what stands before it. */
const LABELS: Record<string, string> = { phases: 'phase', queues: 'queue', serverMetrics: 'series' };

const SINGULAR: Record<string, string> = { phases: 'phase', queues: 'queue', serverMetrics: 'server_metric' };

const COUNTERS = [
  /^messages\./,
  /^refusals\./,
  /^connections\.(failed|dropped|reconnects|failures\.)/,
  /^media\.(uploads|downloads)\.(due|bytes|failed|unsent)$/,
  /^generator\.tcp\./,
  /^cluster\.(takeovers|moves)$/,
  /\.alerts$/,
  /\.count$/,
];

/** How a unit is written at the end, the word that it stands for in paths, and what it is of the base unit. */
const ENDINGS: Record<Unit, { word?: string; ending: string; factor: number }> = {
  ms: { word: 'ms', ending: 'seconds', factor: 1e-3 },
  us: { word: 'us', ending: 'seconds', factor: 1e-6 },
  seconds: { ending: 'seconds', factor: 1 },
  bytes: { ending: 'bytes', factor: 1 },
  ratio: { word: 'share', ending: 'ratio', factor: 1 },
  cores: { ending: 'cores', factor: 1 },
  perSecond: { ending: 'per_second', factor: 1 },
  count: { ending: '', factor: 1 },
  number: { ending: '', factor: 1 },
};

/**
 * @param path of the catalogue, with the names of the run in the place of `<name>`
 * @throws Error where the catalogue has no such metric
 */
export function exportedName(path: string): ExportedName {
  const metric = metricAt(path);
  if (!metric) throw new Error(`${path} is not in the catalogue of metrics`);
  const { words, labels } = partsOf(path, metric);
  const { word, ending, factor } = ENDINGS[metric.unit];
  const isCounter = COUNTERS.some((pattern) => pattern.test(path));
  // `_count` is how a histogram ends, and `_total` a counter.
  const said = words
    .join('_')
    .replace(/_count$/, '')
    .replace(/_total$/, '_all');
  const base = `${NAME_PREFIX}${withUnit(said, word, ending)}`;
  return { name: isCounter ? `${base}_total` : base, labels, factor, isCounter };
}

function partsOf(path: string, metric: Metric): { words: string[]; labels: Record<string, string> } {
  const given = path.split('.');
  const labels: Record<string, string> = {};
  const words: string[] = [];
  metric.path.split('.').forEach((part, index, parts) => {
    const placeholder = /^<(\w+)>$/.exec(part)?.[1];
    if (placeholder === undefined) words.push(SINGULAR[part] ?? snake(part));
    else labels[LABELS[parts[index - 1] ?? ''] ?? placeholder] = given[index] as string;
  });
  return { words, labels };
}

function withUnit(name: string, word: string | undefined, ending: string): string {
  const parts = name.split('_');
  const at = word === undefined ? -1 : parts.indexOf(word);
  // Of a rate such as `server_us_per_message` the unit stays where it is.
  if (at >= 0 && parts[at + 1] === 'per') return parts.with(at, ending).join('_');
  const rest = at < 0 ? name : parts.toSpliced(at, 1).join('_');
  const isSaid = ending === '' || `_${rest}_`.includes(`_${ending}_`);
  return isSaid ? rest : `${rest}_${ending}`;
}

/** `connectsPerSecond` is `connects_per_second`. */
export function snake(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
