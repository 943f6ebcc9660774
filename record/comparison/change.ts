import { alignedNull } from './aligned-ranks.js';
import { type Side, withoutDrift } from './interleaving.js';
import {
  hodgesLehmann,
  type Interval,
  intervalRank,
  mannWhitney,
  pairsHigher,
  type Shift,
} from './mann-whitney.js';

/** By how much a figure of one set of runs is higher than that of the other. */
export interface Change {
  /** `ratio`: current as a multiple of base. `difference`: in the figure's own unit, where a run recorded no more than 0. */
  scale: 'ratio' | 'difference';
  estimate: number;
  /** Of confidence 1 - 2 * level: the test of one direction at `level` does not reject what lies in it. Null: too few runs. */
  interval: Interval | null;
}

/** A change as it is judged: on a scale on which no change is 0 and twice is as far from it as half. */
export interface MeasuredChange {
  scale: Change['scale'];
  /** Logarithms for ratios. */
  shift: Shift;
  /** How often chance alone makes current as high against base as it is, or higher; and as low, or lower. */
  pHigher: number;
  pLower: number;
  /** The machine's drift was taken off first. */
  isAligned: boolean;
}

/**
 * Times and rates are compared as ratios: their noise and a machine's drift multiply them. Counts that may be 0 are
 * compared as they are; how fast the machine was says little about those, so the order of the runs is not used.
 *
 * @param level share of unchanged figures that the test of one direction may call changed
 * @param order of the runs in time, where the sets were interleaved
 */
export function measureChange(
  base: readonly number[],
  current: readonly number[],
  level: number,
  order?: readonly Side[],
): MeasuredChange {
  const isRatio = [...base, ...current].every((value) => value > 0);
  if (!isRatio) return { scale: 'difference', ...compareSets(base, current, level) };
  const before = base.map(Math.log);
  const after = current.map(Math.log);
  return {
    scale: 'ratio',
    ...(order === undefined
      ? compareSets(before, after, level)
      : compareInterleaved(before, after, level, order)),
  };
}

/** The change in terms of the figure. */
export function changeOf({ scale, shift }: MeasuredChange): Change {
  if (scale === 'difference') return { scale, ...shift };
  const { estimate, interval } = shift;
  return {
    scale,
    estimate: Math.exp(estimate),
    interval: interval && { low: Math.exp(interval.low), high: Math.exp(interval.high) },
  };
}

function compareSets(
  base: readonly number[],
  current: readonly number[],
  level: number,
): Omit<MeasuredChange, 'scale'> {
  const { pHigher, pLower } = mannWhitney(base, current);
  return {
    shift: hodgesLehmann(base, current, intervalRank(base.length, current.length, level)),
    pHigher,
    pLower,
    isAligned: false,
  };
}

function compareInterleaved(
  base: readonly number[],
  current: readonly number[],
  level: number,
  order: readonly Side[],
): Omit<MeasuredChange, 'scale'> {
  const next = { base: 0, current: 0 };
  const inOrder = order.map((side) => (side === 'base' ? base : current)[next[side]++]!);
  const aligned = withoutDrift(order, inOrder);
  const alike = alignedNull(order);
  const u = pairsHigher(aligned.base, aligned.current);
  return {
    shift: hodgesLehmann(aligned.base, aligned.current, alike.intervalRank(level)),
    pHigher: alike.atLeast(u),
    pLower: alike.atLeast(base.length * current.length - u),
    isAligned: true,
  };
}
