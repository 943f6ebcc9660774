/** A vessel: how fast it fills beside the others, and what it holds, in whole units. */
export interface Vessel {
  weight: number;
  most: number;
}

/**
 * Divides units by weight, no vessel past what it holds: what one of them cannot take goes to the others. As much of it as
 * fits, in whole units.
 * @returns units of each vessel
 */
export function fillByWeight(units: number, vessels: readonly Vessel[]): number[] {
  const filled = vessels.map(() => 0);
  let left = Math.min(
    units,
    vessels.reduce((sum, { most }) => sum + most, 0),
  );
  let open = vessels.map((_, index) => index);
  const shareOf = (index: number, sum: number): number => (left * (vessels[index] as Vessel).weight) / sum;
  for (;;) {
    const sum = open.reduce((total, index) => total + (vessels[index] as Vessel).weight, 0);
    const full = open.filter((index) => shareOf(index, sum) >= (vessels[index] as Vessel).most);
    if (full.length === 0) {
      const shares = open.map((index) => ({ index, share: shareOf(index, sum) }));
      for (const { index, share } of shares) filled[index] = Math.floor(share);
      const rest = left - shares.reduce((total, { share }) => total + Math.floor(share), 0);
      // What whole units leave over goes to those that came closest to one more.
      shares.sort((one, other) => (other.share % 1) - (one.share % 1) || one.index - other.index);
      for (const { index } of shares.slice(0, rest)) filled[index] = (filled[index] as number) + 1;
      return filled;
    }
    for (const index of full) {
      const { most } = vessels[index] as Vessel;
      filled[index] = most;
      left -= most;
    }
    open = open.filter((index) => !full.includes(index));
  }
}
