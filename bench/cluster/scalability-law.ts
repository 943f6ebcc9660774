/** Throughput of so many nodes. */
export interface ScalePoint {
  nodes: number;
  perSecond: number;
}

/**
 * The Universal Scalability Law (N. J. Gunther, Guerrilla Capacity Planning, 2007, chapter 5): with N nodes
 * λN / (1 + σ(N−1) + κN(N−1)).
 */
export interface ScalabilityLaw {
  /** λ, of one node. */
  perSecond: number;
  /** σ, the share of the work that nodes wait for each other with; at least 0. */
  contention: number;
  /** κ, what each pair of nodes costs to agree; at least 0. */
  coherency: number;
}

export function throughputAt({ perSecond, contention, coherency }: ScalabilityLaw, nodes: number): number {
  return (perSecond * nodes) / (1 + contention * (nodes - 1) + coherency * nodes * (nodes - 1));
}

/** Where more nodes bring less; undefined: nowhere. */
export function mostUsefulNodes({ contention, coherency }: ScalabilityLaw): number | undefined {
  return coherency > 0 ? Math.max(1, Math.sqrt(Math.max(0, 1 - contention) / coherency)) : undefined;
}

/**
 * The law that is nearest to what was measured, by the squares of relative errors. N / X(N) is a sum of 1, N−1 and N(N−1),
 * each times a parameter, so that this is linear; of the parameters that would be negative the best is 0, and as there are
 * three, all choices of those that are 0 are tried.
 * @throws RangeError without points
 */
export function fitScalability(points: readonly ScalePoint[]): ScalabilityLaw {
  if (points.length === 0) throw new RangeError('a law is not fitted to nothing');
  const rows = points.map(({ nodes, perSecond }) =>
    [1, nodes - 1, nodes * (nodes - 1)].map((term) => (term * perSecond) / nodes),
  );
  let best: { parameters: number[]; error: number } | undefined;
  for (const columns of [[0, 1, 2], [0, 1], [0, 2], [0]]) {
    const solved = leastSquares(rows.map((row) => columns.map((column) => row[column] as number)));
    if (!solved?.every((value, at) => value >= 0 && (at > 0 || value > 0))) continue;
    const parameters = [0, 1, 2].map((column) => solved[columns.indexOf(column)] ?? 0);
    const error = rows.reduce((sum, row) => sum + (dot(row, parameters) - 1) ** 2, 0);
    if (!best || error < best.error) best = { parameters, error };
  }
  const [one = 0, contended = 0, coherent = 0] = best?.parameters ?? [];
  return { perSecond: 1 / one, contention: contended / one, coherency: coherent / one };
}

/** The parameters with which each row comes nearest to 1; undefined: the rows do not say. */
function leastSquares(rows: readonly number[][]): number[] | undefined {
  const size = rows[0]?.length ?? 0;
  const column = (at: number): number[] => rows.map((row) => row[at] as number);
  const scales = Array.from({ length: size }, (_, at) => Math.hypot(...column(at)));
  if (scales.some((scale) => scale === 0) || rows.length < size) return undefined;
  // Of columns of length 1, so that a small pivot means that they say the same.
  const scaled = scales.map((scale, at) => column(at).map((value) => value / scale));
  const matrix = scaled.map((one) => [...scaled.map((other) => dot(one, other)), sum(one)]);
  for (let at = 0; at < size; at += 1) {
    const pivot = matrix[at] as number[];
    if ((pivot[at] as number) < 1e-12) return undefined;
    for (const [other, row] of matrix.entries()) {
      if (other === at) continue;
      const factor = (row[at] as number) / (pivot[at] as number);
      for (let cell = at; cell <= size; cell += 1)
        row[cell] = (row[cell] as number) - factor * (pivot[cell] as number);
    }
  }
  return matrix.map((row, at) => (row[size] as number) / (row[at] as number) / (scales[at] as number));
}

function dot(one: readonly number[], other: readonly number[]): number {
  return one.reduce((total, value, at) => total + value * (other[at] as number), 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
