import { figureAt } from '../figure.js';
import { METRICS, metricAt, type Unit } from '../metrics.js';
import { isTold } from '../promises.js';
import type { RunRecord } from '../run.js';
import { differencesOf } from './differences.js';
import { demandPairs, type Side } from './interleaving.js';
import {
  DEFAULT_LEVEL,
  DEFAULT_SMALLEST_EFFECT,
  type FigureOfSets,
  type JudgedFigure,
  judgeSets,
} from './judge-sets.js';
import { median } from './sample.js';

/** Runs of one thing; with a fresh server each, every one of them is one sample. */
export interface SetOfRuns {
  /** For people: a folder, a variant. */
  name: string;
  runs: readonly RunRecord[];
}

export interface ComparedFigure extends FigureOfSets {
  label: string;
  unit: Unit;
}

export interface SetComparison {
  base: SetOfRuns;
  current: SetOfRuns;
  /** The runs came in pairs, one of either side, so that what the machine did hit both. */
  isInterleaved: boolean;
  smallestEffect: number;
  level: number;
  rows: JudgedFigure<ComparedFigure>[];
  /** Why the current runs do not pass, whatever their figures are. */
  faults: string[];
  /** Why the figures may differ for another reason than the code. */
  warnings: string[];
  outcome: 'worse' | 'undecided' | 'not worse';
}

export interface ComparisonOptions {
  smallestEffect?: number;
  level?: number;
  /** Paths of the resolved scenario, such as `target.store`, that are meant to differ. */
  differing?: readonly string[];
}

/** A server that takes less of what it is asked than this share of what it took before is another server. */
const LEAST_ACCEPTANCE = 0.9;
/** More messages without a sender than this share, and what was measured was another load. */
const MORE_UNSENT = 0.01;

/** In which order runs began is in their records. */
export function compareSets(
  base: SetOfRuns,
  current: SetOfRuns,
  options: ComparisonOptions = {},
): SetComparison {
  const { smallestEffect = DEFAULT_SMALLEST_EFFECT, level = DEFAULT_LEVEL, differing = [] } = options;
  const order = orderOf(base, current);
  const [before, after] = [byStart(base), byStart(current)];
  const rows = judgeSets(figuresOf(before.runs, after.runs), {
    smallestEffect,
    level,
    ...(order && { order }),
  });
  const missing = missingFigures(rows, after.runs);
  const untold = untoldFigures([...before.runs, ...after.runs]);
  const differences = differencesOf(before.runs, after.runs, differing);
  const faults = [
    ...verdictFaults('base', before),
    ...verdictFaults('current', after),
    ...differences.faults,
    ...missing.faults,
    ...loadFaults(before.runs, after.runs),
  ];
  const isWorse = faults.length > 0 || rows.some(({ verdict }) => verdict === 'worse');
  const isUndecided = rows.some(({ verdict, isSuspect }) => verdict === 'inconclusive' && isSuspect);
  return {
    base: before,
    current: after,
    isInterleaved: order !== undefined,
    smallestEffect,
    level,
    rows,
    faults,
    warnings: [
      ...orderWarnings(before, after, order),
      ...untold,
      ...missing.warnings,
      ...differences.warnings,
    ],
    outcome: isWorse ? 'worse' : isUndecided ? 'undecided' : 'not worse',
  };
}

function orderWarnings(base: SetOfRuns, current: SetOfRuns, order: Side[] | undefined): string[] {
  if (base.runs.length === 1 || current.runs.length === 1)
    return ['one run of a side: how far apart two runs of the same code are, nobody can tell from it'];
  return order === undefined
    ? [
        'the runs were not interleaved: what the machine did meanwhile cannot be told from what the code does (c2m ab)',
      ]
    : [];
}

function byStart({ name, runs }: SetOfRuns): SetOfRuns {
  const inOrder = [...runs].sort((one, other) => one.startedAt.localeCompare(other.startedAt));
  return { name, runs: inOrder };
}

/** Undefined where the runs were not interleaved. */
function orderOf(base: SetOfRuns, current: SetOfRuns): Side[] | undefined {
  const sides = [
    ...base.runs.map(({ startedAt }) => ({ startedAt, side: 'base' as Side })),
    ...current.runs.map(({ startedAt }) => ({ startedAt, side: 'current' as Side })),
  ];
  const order = sides
    .sort((one, other) => one.startedAt.localeCompare(other.startedAt))
    .map(({ side }) => side);
  try {
    demandPairs(order);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  // Two runs one after the other are a pair, and show nothing of a drift.
  return order.length > 2 ? order : undefined;
}

function figuresOf(base: readonly RunRecord[], current: readonly RunRecord[]): ComparedFigure[] {
  const valuesAt = (path: string) => ({
    base: base.map((run) => figureAt(run, path)),
    current: current.map((run) => figureAt(run, path)),
  });
  const all = [...base, ...current];
  const ofRun = METRICS.flatMap(({ path, label, unit, worse, comparison }): ComparedFigure[] => {
    if (!comparison || !all.every((run) => isTold(run, path))) return [];
    const { judged, noise } = comparison;
    const direction = judged === 'inform' ? 'neither' : worse;
    return [{ path, label, unit, worse: direction, noise, isStrict: judged === 'strict', ...valuesAt(path) }];
  });
  const ofPhases = (base[0]?.phases ?? []).flatMap(({ name }) =>
    ['p50', 'p99'].map((statistic): ComparedFigure => {
      const path = `phases.${name}.latency.delivered.${statistic}`;
      const label = `${name}: delivered ${statistic}`;
      const unit = metricAt(path)?.unit ?? 'ms';
      return { path, label, unit, worse: 'neither', noise: 0, isStrict: false, ...valuesAt(path) };
    }),
  );
  return [...ofRun, ...ofPhases];
}

/** What the protocol of one of them cannot tell is compared for none. */
function untoldFigures(runs: readonly RunRecord[]): string[] {
  const labels = METRICS.filter(
    ({ path, comparison }) => comparison && !runs.every((run) => isTold(run, path)),
  ).map(({ label }) => label);
  const isSame = new Set(runs.map(({ target }) => JSON.stringify(target.driver))).size <= 1;
  return labels.length === 0 || isSame
    ? []
    : [`not compared, as the protocol of some runs cannot tell: ${labels.join(', ')}`];
}

function verdictFaults(side: Side, { runs }: SetOfRuns): string[] {
  return (['failed', 'invalid', 'partial'] as const).flatMap((verdict) => {
    const count = runs.filter((run) => run.verdict === verdict).length;
    return count > 0 ? [`${count} of the ${runs.length} ${side} runs: ${verdict}`] : [];
  });
}

/**
 * Figures that the base has, and that are gone. A run may fail to measure one, as what a process holds may have shrunk: in
 * the lesser part of the runs that is a warning, and the figure is not judged. Nor is the server to blame for memory that
 * could not be told because other programs of the host opened and closed connections meanwhile.
 */
function missingFigures(
  rows: readonly JudgedFigure<ComparedFigure>[],
  currentRuns: readonly RunRecord[],
): {
  faults: string[];
  warnings: string[];
} {
  const missing: { faults: string[]; warnings: string[] } = { faults: [], warnings: [] };
  for (const { figure, verdict } of rows) {
    if (verdict !== 'missing' || figure.worse === 'neither') continue;
    const { base, current, label } = figure;
    const [gone, was] = [current, base].map((values) => values.filter((value) => value === null).length);
    const isOfMemory = figure.path.startsWith('memory.');
    const toBlame = current.filter(
      (value, run) => value === null && !(isOfMemory && wasDisturbed(currentRuns[run])),
    ).length;
    const isGone = toBlame * 2 > current.length && (was as number) * 2 <= base.length;
    const words = `${label} is missing in ${gone} of the ${current.length} current runs`;
    if (isGone) missing.faults.push(words);
    else missing.warnings.push(`${words} and ${was} of the ${base.length} base runs, and is not judged`);
  }
  return missing;
}

/** The sockets of the host did not rise by those of the clients. */
function wasDisturbed(run: RunRecord | undefined): boolean {
  const { expected, opened } = run?.memory.sockets ?? {};
  return typeof expected === 'number' && typeof opened === 'number' && opened !== expected;
}

function loadFaults(base: readonly RunRecord[], current: readonly RunRecord[]): string[] {
  const faults: string[] = [];
  const isByDelivery = [...base, ...current].some(({ messages }) => messages.accepted === null);
  const accepted = (runs: readonly RunRecord[]): number =>
    median(runs.map((run) => acceptance(run, isByDelivery)));
  const [before, after] = [accepted(base), accepted(current)];
  if (after < before * LEAST_ACCEPTANCE)
    faults.push(`${percent(after)} of the messages sent were accepted, and ${percent(before)} in the base`);
  const unsent = (runs: readonly RunRecord[]): number => median(runs.map(unsentShare));
  if (unsent(current) > unsent(base) + MORE_UNSENT)
    faults.push(
      `${percent(unsent(current))} of the messages due were never sent, and ${percent(unsent(base))} in the base`,
    );
  return faults;
}

function acceptance({ messages }: RunRecord, isByDelivery: boolean): number {
  const { sent, accepted, impliedAccepted, delivered } = messages;
  if (sent === 0) return 1;
  // Where the protocol does not tell, what was delivered must have been accepted.
  return (isByDelivery || accepted === null ? delivered : accepted + (impliedAccepted ?? 0)) / sent;
}

function unsentShare({ messages }: RunRecord): number {
  const due = messages.due ?? messages.sent + messages.unsent;
  return due === 0 ? 0 : (messages.unsent + (messages.unscheduled ?? 0)) / due;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
