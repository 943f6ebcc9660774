/** Between what a level may be, and how near two of them have to be to be as good as one. */
export interface LevelRange {
  least: number;
  most: number;
  /** Clients are whole; a rate has a fraction. */
  isWhole: boolean;
  /** How near to the limit the level has to be that is found to hold, as a share of it. */
  precision: number;
}

/** Of a rate, so that nobody reads 1137.2840593. */
const DIGITS = 4;

/** The same level, as it can be asked for. */
export function levelNear(level: number, { least, most, isWhole }: LevelRange): number {
  const round = isWhole ? Math.round(level) : Number(level.toPrecision(DIGITS));
  return Math.min(most, Math.max(least, round));
}

/**
 * Half-way between two levels, by their ratio. Undefined: they are near enough. What is left between them is half of the
 * precision, as the other half goes to the noise of the trials.
 */
export function levelBetween(low: number, high: number, range: LevelRange): number | undefined {
  if (high <= low * (1 + range.precision / 2)) return undefined;
  const middle = levelNear(Math.sqrt(low * high), range);
  return middle > low && middle < high ? middle : undefined;
}

/** The nearest that makes a difference, times `steps`; at least one whole client further. */
export function levelBeyond(level: number, steps: number, range: LevelRange): number {
  const factor = (1 + range.precision / 2) ** Math.abs(steps);
  const wanted = levelNear(steps > 0 ? level * factor : level / factor, range);
  if (wanted !== level) return wanted;
  const least = range.isWhole ? 1 : 10 ** (Math.floor(Math.log10(level)) + 1 - DIGITS);
  return levelNear(steps > 0 ? level + least : level - least, range);
}
