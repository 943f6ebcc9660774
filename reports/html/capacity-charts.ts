import type { Capacity, CapacitySearch, CapacityTrial } from '../../record/capacity.js';
import { throughputInterval } from '../../record/scalability/scalability-confidence.js';
import { throughputAt } from '../../record/scalability/scalability-law.js';
import { latencyLimits } from '../capacity/latency-limits.js';
import { LEVEL_HEADS, levelWords, VERDICT_OF_TRIAL } from '../capacity/level-words.js';
import { axisOf } from '../capacity/scalability-words.js';
import { formatCompact, formatCount, formatMilliseconds } from '../format.js';
import { axisFor } from './still-axis.js';
import { type Line, type Mark, stillChart } from './still-chart.js';

const SHAPES: Record<CapacityTrial['verdict'], Mark['shape']> = {
  held: 'dot',
  broke: 'cross',
  lab: 'ring',
  stopped: 'ring',
};

const CURVE_POINTS = 80;

/** Throughput to the right, latency upwards: it goes up where the server has no more to give. */
export function latencyChart(capacity: Capacity, search: CapacitySearch): string {
  const { find, until } = capacity;
  const reached = trialsWith(
    search,
    (trial) => reachedBy(find, trial) !== null && trial.latencyP99Ms !== null,
  );
  if (reached.length === 0) return '';
  const at = (trial: CapacityTrial): number => reachedBy(find, trial) as number;
  const lineOf = (className: string, read: (trial: CapacityTrial) => number | null): Line => ({
    className,
    points: byLevel(reached).map((trials) => ({
      x: mean(trials.map(at)),
      y: mean(trials.map((trial) => read(trial) ?? 0)),
    })),
  });
  const marksOf = (name: string, className: string, read: (trial: CapacityTrial) => number | null): Mark[] =>
    reached.map((trial) => ({
      x: at(trial),
      y: Math.max(read(trial) ?? 0, LEAST_MS),
      shape: SHAPES[trial.verdict],
      className,
      title: `${titleOf(find, trial)}: ${name} ${formatMilliseconds(read(trial) ?? 0)}`,
    }));
  const p50 = ({ latencyP50Ms }: CapacityTrial): number | null => latencyP50Ms;
  const p99 = ({ latencyP99Ms }: CapacityTrial): number | null => latencyP99Ms;
  const [limit] = latencyLimits(until);
  return stillChart({
    title: `${find === 'clients.count' ? 'Clients that were logged in' : 'Messages that arrived a second'}, against the latency at which they did`,
    x: axisFor(
      find === 'clients.count' ? 'clients logged in' : 'messages that arrived a second',
      reached.map(at),
      formatCompact,
    ),
    y: axisFor(
      'latency (delivered)',
      [...reached.flatMap((trial) => [p50(trial), p99(trial)]), limit?.ms ?? null].filter(
        (ms) => ms !== null,
      ),
      formatMilliseconds,
      'logarithmic',
    ),
    lines: [lineOf('one', p50), lineOf('two', p99)],
    marks: [...marksOf('p50', 'one', p50), ...marksOf('p99', 'two', p99)],
    ...(limit && { level: { y: limit.ms, label: limit.expression } }),
    ...kneeOf(search, at, reached),
  });
}

/** What was asked for to the right, what came of it upwards: a line as long as the server keeps up. */
export function offeredChart({ find }: Capacity, search: CapacitySearch): string {
  const reached = trialsWith(
    search,
    (trial) => offeredBy(find, trial) !== null && reachedBy(find, trial) !== null,
  );
  if (reached.length === 0) return '';
  const offered = (trial: CapacityTrial): number => offeredBy(find, trial) as number;
  const came = (trial: CapacityTrial): number => reachedBy(find, trial) as number;
  const x = axisFor(
    find === 'clients.count' ? 'clients that wanted in' : 'messages that fell due a second',
    reached.map(offered),
    formatCompact,
  );
  const y = axisFor(
    find === 'clients.count' ? 'clients logged in' : 'messages that arrived a second',
    [...reached.map(came), ...reached.map(offered)],
    formatCompact,
    x.isLogarithmic ? 'logarithmic' : 'from-zero',
  );
  const least = Math.max(x.low, y.low);
  const most = Math.min(x.high, y.high);
  return stillChart({
    title: 'What was asked for, against what came of it',
    x,
    y,
    lines: [
      { className: 'plain', isBroken: true, points: [least, most].map((value) => ({ x: value, y: value })) },
    ],
    marks: reached.map((trial) => ({
      x: offered(trial),
      y: came(trial),
      shape: SHAPES[trial.verdict],
      className: 'one',
      title: titleOf(find, trial),
    })),
    ...kneeOf(search, offered, reached),
  });
}

/** Levels over the workers or nodes, the law that they follow, apart where nothing was measured, and within what its mean lies. */
export function scalabilityChart(capacity: Capacity): string {
  const { find, scalability } = capacity;
  const axis = axisOf(capacity);
  if (!scalability || scalability.points.length === 0) return '';
  const { points, fit } = scalability;
  const widest = Math.max(...points.map(({ nodes }) => nodes));
  const most = Math.ceil(widest * 1.25);
  const curve = Array.from({ length: CURVE_POINTS + 1 }, (_, at) => 1 + ((most - 1) * at) / CURVE_POINTS);
  const lawOver = (counts: readonly number[]): { x: number; y: number }[] =>
    fit ? counts.map((count) => ({ x: count, y: throughputAt(fit.law, count) })) : [];
  const law = lawOver([...curve.filter((count) => count < widest), widest]);
  const projection = lawOver([widest, ...curve.filter((count) => count > widest)]);
  const highest = Math.max(
    ...points.map(({ perSecond }) => perSecond),
    ...[...law, ...projection].map(({ y }) => y),
  );
  // Where the law has no upper bound, or one far above what was measured, the band ends with the chart.
  const ceiling = highest * 1.3;
  const band = fit
    ? curve.map((nodes) => {
        const { low, high } = throughputInterval(points, nodes, fit.probability);
        return {
          x: nodes,
          low: Math.max(0, Math.min(low, ceiling)),
          high: Math.min(high ?? ceiling, ceiling),
        };
      })
    : undefined;
  return stillChart({
    title: `What holds, by the number of ${axis}`,
    x: { label: axis, low: 0, high: most, isLogarithmic: false, format: formatCount },
    y: { label: LEVEL_HEADS[find], low: 0, high: ceiling, isLogarithmic: false, format: formatCompact },
    lines: fit
      ? [
          { className: 'plain', isBroken: false, points: law },
          { className: 'plain', isBroken: true, points: projection },
        ]
      : [],
    marks: points.map(({ nodes, perSecond }) => ({
      x: nodes,
      y: perSecond,
      shape: 'dot',
      className: 'one',
      title: `${formatCount(nodes)} ${axis}: ${levelWords(find, perSecond)}`,
    })),
    ...(band && { band }),
  });
}

/** The axis is logarithmic, and a latency may have been nothing. */
const LEAST_MS = 0.001;

function reachedBy(find: Capacity['find'], trial: CapacityTrial): number | null {
  return find === 'clients.count' ? trial.connectionsPeak : trial.deliveredPerSecond;
}

function offeredBy(find: Capacity['find'], trial: CapacityTrial): number | null {
  return find === 'clients.count' ? trial.level : trial.offeredPerSecond;
}

function trialsWith({ trials }: CapacitySearch, isShown: (trial: CapacityTrial) => boolean): CapacityTrial[] {
  return trials.filter(isShown);
}

function byLevel(trials: readonly CapacityTrial[]): CapacityTrial[][] {
  const levels = [...new Set(trials.map(({ level }) => level))].sort((one, other) => one - other);
  return levels.map((level) => trials.filter((trial) => trial.level === level));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** From the level that held to the one that did not, by what was measured there. */
function kneeOf(
  { holds, breaks }: CapacitySearch,
  place: (trial: CapacityTrial) => number,
  trials: readonly CapacityTrial[],
): { zone?: { from: number; to: number; label: string } } {
  const at = (level: number | undefined, verdict: string | undefined): number | undefined =>
    trials
      .filter((trial) => trial.level === level && trial.verdict === verdict)
      .map(place)
      .at(-1);
  const from = at(holds?.level, 'held');
  if (from === undefined) return {};
  const to = at(breaks?.level, breaks?.verdict) ?? from;
  return {
    zone: {
      from: Math.min(from, to),
      to: Math.max(from, to),
      label: `holds ${formatCount(holds?.level ?? 0)}`,
    },
  };
}

function titleOf(find: Capacity['find'], { number, level, length, verdict }: CapacityTrial): string {
  return `trial ${number}, ${levelWords(find, level)}, ${length}: ${VERDICT_OF_TRIAL[verdict]}`;
}
