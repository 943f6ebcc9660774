/// <reference lib="dom" />
import type UPlot from 'uplot';
import type { Unit } from '../../../record/metrics.js';
import {
  formatBytes,
  formatCompact,
  formatFigure,
  formatMilliseconds,
  formatMoment,
  formatNumber,
} from '../../format.js';
import type { ChartPlan } from '../chart-plan.js';

/** A tick's words: short, with the unit where a bare number would not do. */
export function tickText(value: number, unit: Unit): string {
  if (unit === 'ms') return formatMilliseconds(value);
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'number' && Math.abs(value) < 0.01) return formatNumber(value);
  return formatCompact(value);
}

/** `99.9 %` for the position 3 on the axis of percentiles. */
export function percentileText(position: number): string {
  const percent = 100 * (1 - 10 ** -position);
  return `${Number(percent.toFixed(Math.max(1, Math.ceil(position))))} %`;
}

/** Where on the x axis one is, in words. */
export function positionText(plan: ChartPlan, x: number): string {
  return plan.x === 'seconds' ? `at ${formatMoment(x)}` : `${percentileText(x)} took at most`;
}

/** A value with its unit, for the legend and the tooltip. */
export function valueText(value: number | null | undefined, unit: Unit): string {
  return formatFigure(value, unit);
}

/** From zero to a little above the highest value; never so narrow that noise fills the chart. */
export function linearRange(
  unit: Unit,
): (plot: UPlot, low: number | null, high: number | null) => [number, number] {
  // What a server says of itself may be tiny, or below zero.
  if (unit === 'number') {
    return (_plot, low, high) => {
      const [from, to] = [Math.min(0, low ?? 0) * 1.08, Math.max(0, high ?? 0) * 1.08];
      return [from, to > from ? to : 1];
    };
  }
  const least = unit === 'count' || unit === 'perSecond' ? 5 : unit === 'bytes' ? 1024 : 1;
  return (_plot, _low, high) => [0, Math.max((high ?? 0) * 1.08, least)];
}

/** Whole steps of 1, 2, 5, and at least one decade. */
export function logRange(_plot: UPlot, low: number | null, high: number | null): [number, number] {
  const from = stepBelow((low ?? 1) * 1.0001);
  const to = stepAbove((high ?? 10) * 0.9999);
  return to / from >= 10 ? [from, to] : [from, from * 10];
}

/** Labels at 1, 2, 5 of each decade, or at 1 alone where there are many. */
export function logSplits(_plot: UPlot, _axis: number, from: number, to: number): number[] {
  const steps = Math.log10(to / from) > 2.4 ? [1] : [1, 2, 5];
  const splits: number[] = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power += 1) {
    for (const step of steps) {
      const value = Number(`${step}e${power}`);
      if (value >= from * 0.999 && value <= to * 1.001) splits.push(value);
    }
  }
  return splits;
}

/** 0 %, 50 %, 90 %, 99 % … as positions. */
export function percentileSplits(_plot: UPlot, _axis: number, from: number, to: number): number[] {
  const splits = [0, Math.log10(2), 1, 2, 3, 4, 5, 6, 7, 8];
  return splits.filter((position) => position >= from - 1e-9 && position <= to + 1e-9);
}

/** CSS pixels, with room for the widest figures of 12 px type; between two names. */
const CHARACTER_WIDTH = 7.5;
const NAME_GAP = 8;

/** Leaves out the percentiles whose names would run into the one before; the first is always named. */
export function namedPercentiles(splits: number[], place: (position: number) => number): (number | null)[] {
  let freeFrom = Number.NEGATIVE_INFINITY;
  return splits.map((position) => {
    const half = (percentileText(position).length * CHARACTER_WIDTH) / 2;
    if (place(position) - half < freeFrom) return null;
    freeFrom = place(position) + half + NAME_GAP;
    return position;
  });
}

/** Divisors of a byte axis: powers of two, so that the ticks are whole KiB and MiB. */
export const BYTE_STEPS = Array.from({ length: 45 }, (_, power) => 2 ** power);

/** Divisors of an axis that counts: there is no half client. */
export const COUNT_STEPS = Array.from({ length: 10 }, (_, power) =>
  [1, 2, 5].map((step) => step * 10 ** power),
).flat();

/** Divisors of the time axis: what a clock can be divided by. */
export const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800];

function stepBelow(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * (value >= 5 * power ? 5 : value >= 2 * power ? 2 : 1);
}

function stepAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * (value <= power ? 1 : value <= 2 * power ? 2 : value <= 5 * power ? 5 : 10);
}
