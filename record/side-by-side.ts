import { type Sample, sampleOf } from './comparison/sample.js';
import { figureAt } from './figure.js';
import { METRICS, type Unit } from './metrics.js';
import { isTold } from './promises.js';
import type { RunRecord } from './run.js';

/** All runs of one thing, such as a server, that stand in one column. */
export interface Column {
  name: string;
  runs: readonly RunRecord[];
  /** Where the report of each run lies, from the page that lays them side by side. */
  reports?: readonly string[];
}

/** One figure of all columns. A cell is null where no run of the column recorded it. */
export interface SideBySideRow {
  label: string;
  unit: Unit;
  cells: (Sample | null)[];
}

const MICROSECONDS = 1_000_000;

/** What one asks of servers that do the same: what fits, what it costs, how long it takes, what is lost. */
const PATHS = [
  'connections.peak',
  'connections.connectsPerSecond',
  'memory.bytesPerConnection.server',
  'memory.bytesPerConnection.kernel',
  'latency.connect.p99',
  'latency.accepted.p50',
  'latency.accepted.p99',
  'latency.delivered.p50',
  'latency.delivered.p99',
  'latency.receipt.p99',
  'messages.sent',
  'messages.refused',
  'messages.lost',
  'messages.duplicated',
  'messages.redelivered',
  'messages.outOfOrder',
  'messages.corrupted',
];

/** Figures of several sets of runs beside one another; what no run of any of them recorded is left out. */
export function sideBySide(columns: readonly Column[]): SideBySideRow[] {
  const rowOf = (label: string, unit: Unit, of: (run: RunRecord) => number | null): SideBySideRow => ({
    label,
    unit,
    cells: columns.map(({ runs }) => sampleOf(runs.map(of).filter((value) => value !== null))),
  });
  const ofPaths = PATHS.flatMap((path) => {
    const metric = METRICS.find((each) => each.path === path);
    if (!metric) return [];
    return [rowOf(metric.label, metric.unit, (run) => (isTold(run, path) ? figureAt(run, path) : null))];
  });
  const perCore = rowOf('messages a core-second of the server', 'count', ({ cpu }) =>
    cpu?.serverUsPerMessage ? Math.round(MICROSECONDS / cpu.serverUsPerMessage) : null,
  );
  return [...ofPaths.slice(0, 4), perCore, ...ofPaths.slice(4)].filter(({ cells }) =>
    cells.some((cell) => cell !== null),
  );
}

/** What the protocol of a column promises, in a word or two each. */
export function promisesOf({ runs }: Column): string[] {
  const driver = runs[0]?.target.driver;
  if (!driver) return [];
  const { accepted, receipt, storesForAway, delivery } = driver.promises;
  return [
    driver.name,
    delivery,
    ...(accepted ? ['accepted'] : []),
    ...(receipt ? ['receipts'] : []),
    ...(storesForAway ? ['stores for those away'] : []),
  ];
}
