/** One axis of a chart without a script. */
export interface Axis {
  label: string;
  low: number;
  high: number;
  isLogarithmic: boolean;
  format(value: number): string;
}

/** Wider than this, and the low values would lie upon each other on a straight axis. */
const LOGARITHMIC_FROM = 8;
const MOST_TICKS = 7;

/** An axis that has room for these values. @param values of nothing, a logarithmic axis leaves out those that are not above it */
export function axisFor(
  label: string,
  values: readonly number[],
  format: (value: number) => string,
  choice: 'by-values' | 'logarithmic' | 'from-zero' = 'by-values',
): Axis {
  const positive = values.filter((value) => value > 0);
  const [least, most] = [Math.min(...positive), Math.max(...positive)];
  if (positive.length === 0) return { label, low: 0, high: 1, isLogarithmic: false, format };
  const isLogarithmic =
    choice === 'logarithmic' || (choice === 'by-values' && most / least > LOGARITHMIC_FROM);
  if (isLogarithmic) return { label, low: least / 1.15, high: most * 1.15, isLogarithmic, format };
  return { label, low: 0, high: most * 1.06, isLogarithmic, format };
}

/** Where a value lies, from 0 at its low end to 1; undefined: it has no place there. */
export function placeOn({ low, high, isLogarithmic }: Axis, value: number): number | undefined {
  if (!isLogarithmic) return (value - low) / (high - low);
  return value > 0 ? Math.log(value / low) / Math.log(high / low) : undefined;
}

/** Round values on an axis, few enough to be read. */
export function ticksOf({ low, high, isLogarithmic }: Axis): number[] {
  if (!isLogarithmic) return linearTicks(low, high);
  for (const multiples of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = decades(low, high).flatMap((decade) => multiples.map((multiple) => multiple * decade));
    const within = ticks.filter((tick) => tick >= low && tick <= high);
    if (within.length >= 2 && within.length <= MOST_TICKS) return within;
  }
  const within = decades(low, high).filter((tick) => tick >= low && tick <= high);
  return within.length >= 2
    ? within.filter((_, at) => at % Math.ceil(within.length / MOST_TICKS) === 0)
    : linearTicks(low, high);
}

function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  return Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, at) => 10 ** (first + at));
}

function linearTicks(low: number, high: number): number[] {
  const rough = (high - low) / (MOST_TICKS - 1);
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((multiple) => multiple * decade >= rough) as number) * decade;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) => (first + at) * step);
}
