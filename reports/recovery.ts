import type { RunRecord } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import { type Intervention, interventionsOf } from './interventions.js';
import { loadPhases } from './load-phases.js';

/** What is watched for its return into the range from before an action. */
export const RECOVERED_FIGURES = ['deliveredP99', 'connections', 'inFlight'] as const;
export type RecoveredFigure = (typeof RECOVERED_FIGURES)[number];

/** How one figure came through an action. */
export interface FigureRecovery {
  /** The end of its range before the action: the highest latency and backlog, the fewest connections. */
  before: number;
  /** How far it went beyond; null: nothing was recorded, as when nothing was delivered at all. */
  worst: number | null;
  /** Seconds from the action until it was back for good; 0: it never left; null: not while the load lasted. */
  seconds: number | null;
  /** Of connections: how many were dropped meanwhile. They may all have been back when the second ended. */
  dropped?: number;
}

/** How a run came through one action. */
export interface Recovery extends Intervention {
  figures: Partial<Record<RecoveredFigure, FigureRecovery>>;
  /** The slowest of its figures; null: one was not back before `watchedToSeconds`, or there was nothing to compare with. */
  seconds: number | null;
  /** The next action, or the end of the load. */
  watchedToSeconds: number;
}

/** Seconds before an action whose figures make the range; fewer than the least say too little. */
const BASELINE_SECONDS = 5;
const LEAST_BASELINE = 2;
/** Seconds in a row within the range, so that one good second between bad ones is no recovery. */
const STEADY_SECONDS = 2;
/** Where nothing was measured before an action, what comes this soon behind it is taken to follow it. */
const UNKNOWN_WAKE_SECONDS = 10;

/** What a range may be left by before it counts: measured ranges are of a few seconds only. */
const SLACK: Record<RecoveredFigure, (end: number) => number> = {
  deliveredP99: (highest) => Math.max(highest * 1.5, highest + 5),
  connections: (fewest) => Math.floor(fewest * 0.999),
  inFlight: (highest) => Math.max(highest * 1.5, highest + 10),
};

const READ: Record<RecoveredFigure, (sample: TimelineSample) => number | null> = {
  deliveredP99: ({ latency }) => latency.delivered?.p99 ?? null,
  // Who is away on purpose is not missing.
  connections: ({ connections }) => connections.open + connections.away,
  inFlight: ({ messages }) => messages.inFlight,
};

/** For each action of the run: how long until the figures were back in the range from before it. */
export function recoveriesOf(record: RunRecord, samples: readonly TimelineSample[]): Recovery[] {
  const interventions = interventionsOf(record);
  const phases = loadPhases(record);
  const loadEnds = phases.at(-1)?.endSeconds ?? record.durationSeconds;
  const underLoad = samples.filter(({ phase }) => phases.some(({ name }) => name === phase));
  const recoveries: Recovery[] = [];
  interventions.forEach((intervention, index) => {
    const watchedToSeconds = interventions[index + 1]?.atSeconds ?? loadEnds;
    const calm = underLoad
      .filter(({ t }) => t <= intervention.atSeconds && !recoveries.some((each) => isInWake(each, t)))
      .slice(-BASELINE_SECONDS);
    const after = underLoad.filter(({ t }) => t > intervention.atSeconds && t <= watchedToSeconds);
    recoveries.push(recoveryOf({ ...intervention, watchedToSeconds }, calm, after));
  });
  return recoveries;
}

/** Did it follow the action: it came behind it, and the figures were not back yet? */
export function isInWake({ atSeconds, seconds, watchedToSeconds, figures }: Recovery, time: number): boolean {
  return time > atSeconds && time <= wakeEnd();

  function wakeEnd(): number {
    if (Object.keys(figures).length === 0)
      return Math.min(watchedToSeconds, atSeconds + UNKNOWN_WAKE_SECONDS);
    // The second in which the figures came back has part of the trouble in it.
    return seconds === null ? watchedToSeconds : atSeconds + Math.max(seconds, 1) + 1;
  }
}

function recoveryOf(
  intervention: Intervention & { watchedToSeconds: number },
  calm: readonly TimelineSample[],
  after: readonly TimelineSample[],
): Recovery {
  const figures: Recovery['figures'] = {};
  const isEnough = calm.length >= LEAST_BASELINE && after.length > 0;
  for (const figure of isEnough ? RECOVERED_FIGURES : []) {
    // Mailboxes of those who are away fill up by the scenario's own doing.
    if (figure === 'inFlight' && [...calm, ...after].some(({ connections }) => connections.away > 0))
      continue;
    const recovered = figureRecovery(figure, intervention.atSeconds, calm, after);
    if (recovered) figures[figure] = recovered;
  }
  const seconds = Object.values(figures).map((figure) => figure.seconds);
  const isKnown = seconds.length > 0 && seconds.every((each) => each !== null);
  return { ...intervention, figures, seconds: isKnown ? Math.max(...(seconds as number[])) : null };
}

function figureRecovery(
  figure: RecoveredFigure,
  atSeconds: number,
  calm: readonly TimelineSample[],
  after: readonly TimelineSample[],
): FigureRecovery | undefined {
  const read = READ[figure];
  const known = calm.map(read).filter((value) => value !== null);
  // Where some seconds had nothing to measure before, one without says nothing afterwards.
  if (known.length < calm.length) return undefined;
  const isWorseBelow = figure === 'connections';
  const dropped = ({ connections }: TimelineSample): number => (isWorseBelow ? connections.dropped : 0);
  // A server may drop some all the time.
  const usuallyDropped = Math.max(...calm.map(dropped));
  const before = isWorseBelow ? Math.min(...known) : Math.max(...known);
  const bound = SLACK[figure](before);
  const isBack = (sample: TimelineSample): boolean => {
    const value = read(sample);
    return value !== null && (isWorseBelow ? value >= bound : value <= bound);
  };
  // Levels are of the end of a second, when who was dropped in it may be back already.
  const isUnmoved = (sample: TimelineSample): boolean => isBack(sample) && dropped(sample) <= usuallyDropped;
  const values = after.map(read).filter((value) => value !== null);
  const worst = values.length === 0 ? null : isWorseBelow ? Math.min(...values) : Math.max(...values);
  if (after.every(isUnmoved)) return { before, worst, seconds: 0 };
  const firstOut = after.findIndex((sample) => !isUnmoved(sample));
  const back = after.findIndex(
    (sample, index) =>
      index >= firstOut && isBack(sample) && after.slice(index + 1, index + STEADY_SECONDS).every(isUnmoved),
  );
  const out = after.slice(firstOut, back < 0 ? undefined : back + 1);
  return {
    before,
    worst,
    seconds: back < 0 ? null : (after[back]?.t ?? 0) - atSeconds,
    ...(isWorseBelow && { dropped: out.reduce((sum, sample) => sum + dropped(sample), 0) }),
  };
}
