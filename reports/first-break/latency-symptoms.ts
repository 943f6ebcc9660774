import type { LatencyKind } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { formatCount, formatMilliseconds } from '../format.js';
import { type JudgedGate, upperLimits } from './gate-limits.js';
import { firstSustained, type Symptom, symptomAt } from './symptom.js';

/** Percentiles that each second of the timeline has. */
type Percentile = 'p50' | 'p90' | 'p99' | 'max';

/** Where nobody set a limit: this many times the calm level, and by more than a busy machine adds by itself. */
const RISE = { times: 10, leastMs: 25 };
/** The p99 of fewer values is their highest. */
const LEAST_VALUES = 20;
/** A second that waited for longer than itself needs no second one to be believed. */
const LONG_MS = 1000;
/** In the second in which a load begins, code is compiled and caches are filled. */
const LEAST_CALM_SECONDS = 3;

const LATENCY_GATE =
  /^(?:phases\.(?<phase>[^.]+)\.)?latency\.(?<kind>connect|accepted|delivered|receipt)\.(?<percentile>p50|p90|p99|max)$/;

/** p99 of an undisturbed second of the run; null: too few seconds to tell. */
export type CalmLevels = Record<'accepted' | 'delivered', number | null>;

/** Latencies past the limit of a gate on them, or, where there is none, far past their calm level. */
export function latencySymptoms(
  samples: readonly TimelineSample[],
  gates: readonly JudgedGate[],
  calm: CalmLevels,
): Symptom[] {
  const limits = upperLimits(gates).flatMap((gate) => {
    const groups = LATENCY_GATE.exec(gate.metric)?.groups;
    if (!groups) return [];
    const { phase, kind, percentile } = groups as {
      phase?: string;
      kind: LatencyKind;
      percentile: Percentile;
    };
    return [{ gate, phase, kind, percentile }];
  });
  const ruled = new Set(limits.filter(({ phase }) => phase === undefined).map(({ kind }) => kind));
  return [
    ...limits.map(({ gate, phase, kind, percentile }) =>
      pastLimit(
        samples.filter((sample) => phase === undefined || sample.phase === phase),
        gate,
        kind,
        percentile,
      ),
    ),
    ...(['accepted', 'delivered'] as const).map((kind) =>
      ruled.has(kind) ? undefined : pastCalm(samples, kind, calm[kind]),
    ),
  ].filter((symptom) => symptom !== undefined);
}

function pastLimit(
  samples: readonly TimelineSample[],
  gate: JudgedGate,
  kind: LatencyKind,
  percentile: Percentile,
): Symptom | undefined {
  const isOut = ({ latency }: TimelineSample): boolean => {
    const interval = latency[kind];
    return interval !== null && interval.count >= LEAST_VALUES && interval[percentile] > gate.limit;
  };
  // Where the gate failed, one second may have been enough to make it.
  const first = firstSustained(samples, isOut) ?? (gate.passed ? undefined : samples.find(isOut));
  if (!first) return undefined;
  const value = formatMilliseconds(first.latency[kind]?.[percentile] ?? 0);
  return symptomAt(
    'latency',
    first,
    `${kind} latency`,
    `${percentile} ${value}, past the ${formatMilliseconds(gate.limit)} of its gate`,
  );
}

function pastCalm(
  samples: readonly TimelineSample[],
  kind: LatencyKind,
  calmMs: number | null,
): Symptom | undefined {
  if (calmMs === null) return undefined;
  const bound = Math.max(calmMs * RISE.times, calmMs + RISE.leastMs);
  const isOut = (sample: TimelineSample): boolean => (p99Of(sample, kind) ?? 0) > bound;
  const first = earliest(
    firstSustained(samples, isOut),
    samples.find((sample) => isOut(sample) && (p99Of(sample, kind) ?? 0) > LONG_MS),
  );
  if (!first) return undefined;
  const p99 = p99Of(first, kind) ?? 0;
  return symptomAt(
    'latency',
    first,
    `${kind} latency`,
    `p99 ${formatMilliseconds(p99)}, ${formatCount(Math.round(p99 / calmMs))} times its calm level of ${formatMilliseconds(calmMs)}`,
  );
}

/**
 * p99 of an undisturbed second: the median of the first phase with messages, or of the calmest quarter of the run where
 * that is lower, as it is when the load was too much from the beginning. Null: too few seconds to tell.
 */
export function calmLevelMs(samples: readonly TimelineSample[], kind: LatencyKind): number | null {
  const talking = samples.filter((sample) => p99Of(sample, kind) !== null);
  const first = talking.filter(({ phase }) => phase === talking[0]?.phase).slice(1);
  const levels = [quantile(first, kind, 0.5), quantile(talking.slice(1), kind, 0.25)].filter(
    (level) => level !== null,
  );
  return levels.length > 0 ? Math.min(...levels) : null;
}

function quantile(samples: readonly TimelineSample[], kind: LatencyKind, share: number): number | null {
  if (samples.length < LEAST_CALM_SECONDS) return null;
  const sorted = samples.map((sample) => p99Of(sample, kind) ?? 0).sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? null;
}

function p99Of({ latency }: TimelineSample, kind: LatencyKind): number | null {
  const interval = latency[kind];
  return interval && interval.count >= LEAST_VALUES ? interval.p99 : null;
}

function earliest(...samples: (TimelineSample | undefined)[]): TimelineSample | undefined {
  return samples.filter((sample) => sample !== undefined).sort((one, other) => one.t - other.t)[0];
}
