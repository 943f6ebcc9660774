/** What a set of runs recorded for one figure, in the figure's own unit. */
export interface Sample {
  median: number;
  lowest: number;
  highest: number;
}

/** Null where nothing was recorded. */
export function sampleOf(values: readonly number[]): Sample | null {
  if (values.length === 0) return null;
  const sorted = ascending(values);
  return { median: medianOfSorted(sorted), lowest: sorted[0]!, highest: sorted.at(-1)! };
}

/** @throws RangeError of nothing */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('nothing has no median');
  return medianOfSorted(ascending(values));
}

export function ascending(values: ArrayLike<number>): Float64Array {
  // A typed array sorts by number without being told.
  return new Float64Array(values).sort();
}

export function medianOfSorted(sorted: ArrayLike<number>): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
