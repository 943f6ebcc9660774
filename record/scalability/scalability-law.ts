import { dot, normalMatrix, solveSystem } from './linear-system.js';

/** Throughput of so many nodes: machines, or workers of one. */
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
  if (rows.length < size) return undefined;
  const sums = Array.from({ length: size }, (_, at) =>
    rows.reduce((sum, row) => sum + (row[at] as number), 0),
  );
  return solveSystem(normalMatrix(rows), [sums])?.[0];
}
