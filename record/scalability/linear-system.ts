/** Below it, of columns scaled to length 1, two of them say the same. */
const LEAST_PIVOT = 1e-12;

/**
 * Solves a symmetric system for each of several right-hand sides at once (Gauss and Jordan).
 * @returns a solution for each of `sides`; undefined: the equations do not say
 */
export function solveSystem(
  matrix: readonly (readonly number[])[],
  sides: readonly (readonly number[])[],
): number[][] | undefined {
  const size = matrix.length;
  // Columns of length 1, so that a small pivot means that the equations say the same.
  const scales = matrix.map((row, at) => Math.sqrt(row[at] as number));
  if (scales.some((scale) => !(scale > 0))) return undefined;
  const rows = matrix.map((row, at) => [
    ...row.map((cell, column) => cell / (scales[at] as number) / (scales[column] as number)),
    ...sides.map((side) => (side[at] as number) / (scales[at] as number)),
  ]);
  for (let at = 0; at < size; at += 1) {
    const pivot = rows[at] as number[];
    const head = pivot[at] as number;
    if (head < LEAST_PIVOT) return undefined;
    for (const [other, row] of rows.entries()) {
      if (other === at) continue;
      const factor = (row[at] as number) / head;
      for (let cell = at; cell < row.length; cell += 1)
        row[cell] = (row[cell] as number) - factor * (pivot[cell] as number);
    }
  }
  return sides.map((_, side) =>
    rows.map((row, at) => (row[size + side] as number) / (row[at] as number) / (scales[at] as number)),
  );
}

export function dot(one: readonly number[], other: readonly number[]): number {
  return one.reduce((total, value, at) => total + value * (other[at] as number), 0);
}

/** What the columns of `rows` have in common: the matrix of the normal equations. */
export function normalMatrix(rows: readonly (readonly number[])[]): number[][] {
  const columns = (rows[0] ?? []).map((_, at) => rows.map((row) => row[at] as number));
  return columns.map((one) => columns.map((other) => dot(one, other)));
}
