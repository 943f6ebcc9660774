import { studentQuantile } from '../comparison/student-distribution.js';
import { dot, normalMatrix, solveSystem } from './linear-system.js';
import { fitScalability, mostUsefulNodes, type ScalabilityLaw, type ScalePoint } from './scalability-law.js';

/** Three parameters fit four levels or five well, whatever those say. */
export const LEAST_LEVELS = 6;
const PARAMETERS = 3;
/** Each of the parameters a, b and c alone. */
const SLOWNESS = [1, 0, 0];
const CONTENTION = [0, 1, 0];
const COHERENCY = [0, 0, 1];

/** Null: it has no end there. */
export interface Interval {
  low: number;
  high: number | null;
}

/** A law, and within what its parameters lie with a probability. */
export interface ScalabilityFit {
  law: ScalabilityLaw;
  /** Of confidence, such as 0.95. */
  probability: number;
  perSecond: Interval;
  contention: Interval;
  coherency: Interval;
  /** Where more nodes bring less; an end of null: nowhere, as far as the points tell. */
  mostUseful: { nodes: number | null; interval: Interval };
  /** How far the points are from the law, as a share: the spread of one measurement. */
  spread: number;
}

/** Too few levels for a law; the message says how many are needed. */
export class TooFewLevels extends RangeError {}

/**
 * The law with intervals of confidence. N / X(N) = a + b(N−1) + cN(N−1) is linear in a = 1/λ, b = σ/λ and c = κ/λ, so that
 * ordinary regression applies, weighted for errors that are shares of what was measured, with Student's t for what is
 * left over. σ and κ are ratios of two estimates; their intervals are those of E. C. Fieller, "Some problems in interval
 * estimation", J. of the Royal Statistical Society B 16 (1954) 175-185. None of them reaches below nothing.
 * @throws TooFewLevels
 */
export function fitWithConfidence(points: readonly ScalePoint[], probability = 0.95): ScalabilityFit {
  const levels = new Set(points.map(({ nodes }) => nodes)).size;
  if (levels < LEAST_LEVELS)
    throw new TooFewLevels(
      `${levels === 1 ? 'one level is' : `${levels} levels are`} too few for a law of ${PARAMETERS} parameters; measure at least ${LEAST_LEVELS}`,
    );
  const law = fitScalability(points);
  const regression = regress(points, probability);
  const { ratio, mean } = regression;
  const slowness = mean(SLOWNESS);
  const peak = ratio([1, -1, 0], COHERENCY);
  return {
    law,
    probability,
    perSecond: { low: 1 / slowness.high, high: slowness.low > 0 ? 1 / slowness.low : null },
    contention: ratio(CONTENTION, SLOWNESS),
    coherency: ratio(COHERENCY, SLOWNESS),
    mostUseful: {
      nodes: mostUsefulNodes(law) ?? null,
      interval: {
        low: Math.max(1, Math.sqrt(peak.low)),
        high: peak.high === null ? null : Math.max(1, Math.sqrt(peak.high)),
      },
    },
    spread: regression.spread,
  };
}

/** Within what the throughput of so many nodes lies on average, by the same regression. */
export function throughputInterval(
  points: readonly ScalePoint[],
  nodes: number,
  probability = 0.95,
): Interval {
  const { mean } = regress(points, probability);
  const { low, high } = mean([1, nodes - 1, nodes * (nodes - 1)]);
  return { low: nodes / high, high: low > 0 ? nodes / low : null };
}

interface Regression {
  spread: number;
  /** Of a sum of the parameters, each times a factor. */
  mean(factors: readonly number[]): { low: number; high: number };
  /** Of two of them, by Fieller; never below nothing. */
  ratio(over: readonly number[], under: readonly number[]): Interval;
}

function regress(points: readonly ScalePoint[], probability: number): Regression {
  // A share of what was measured is a share of N / X too: a row counts by what it should be.
  const weighed = (expected: (nodes: number) => number): { rows: number[][]; values: number[] } => {
    const weights = points.map(({ nodes }) => 1 / expected(nodes));
    return {
      rows: points.map(({ nodes }, at) =>
        [1, nodes - 1, nodes * (nodes - 1)].map((term) => term * (weights[at] as number)),
      ),
      values: points.map(({ nodes, perSecond }, at) => (nodes / perSecond) * (weights[at] as number)),
    };
  };
  const measured = new Map(points.map(({ nodes, perSecond }) => [nodes, nodes / perSecond]));
  const first = solve(weighed((nodes) => measured.get(nodes) as number));
  const expected = (nodes: number): number => dot(first.parameters, [1, nodes - 1, nodes * (nodes - 1)]);
  const isSensible = points.every(({ nodes }) => expected(nodes) > 0);
  const data = isSensible ? weighed(expected) : weighed((nodes) => measured.get(nodes) as number);
  const { parameters, inverse } = solve(data);
  const freedom = points.length - PARAMETERS;
  const left = data.rows.reduce(
    (sum, row, at) => sum + (dot(row, parameters) - (data.values[at] as number)) ** 2,
    0,
  );
  const variance = left / freedom;
  const reach = studentQuantile((1 + probability) / 2, freedom) ** 2 * variance;
  const shared = (one: readonly number[], other: readonly number[]): number =>
    reach *
    dot(
      one,
      inverse.map((row) => dot(row, other)),
    );
  return {
    spread: Math.sqrt(variance),
    mean: (factors) => {
      const [middle, width] = [dot(factors, parameters), Math.sqrt(shared(factors, factors))];
      return { low: middle - width, high: middle + width };
    },
    ratio: (over, under) => {
      const [u, v] = [dot(over, parameters), dot(under, parameters)];
      return fieller(u, v, shared(over, over), shared(over, under), shared(under, under));
    },
  };
}

/**
 * Those ρ ≥ 0 with (u − ρv)² ≤ uu − 2ρ·uv + ρ²·vv, the sums being t² times the variances: what is between the roots of a parabola,
 * or, where the denominator may be nothing, all from the lower one on.
 */
function fieller(u: number, v: number, uu: number, uv: number, vv: number): Interval {
  const [square, half, rest] = [v * v - vv, u * v - uv, u * u - uu];
  const root = Math.sqrt(Math.max(0, half * half - square * rest));
  if (square > 0) {
    return { low: Math.max(0, (half - root) / square), high: Math.max(0, (half + root) / square) };
  }
  // The denominator may be nothing, and the ratio as large as it likes; it is at least the one root that is above nothing.
  const least = rest > 0 && u > 0 ? rest / (half + root) : 0;
  return { low: Math.max(0, Number.isFinite(least) ? least : 0), high: null };
}

function solve({ rows, values }: { rows: number[][]; values: number[] }): {
  parameters: number[];
  inverse: number[][];
} {
  const size = PARAMETERS;
  const sides = Array.from({ length: size }, (_, at) =>
    dot(
      rows.map((row) => row[at] as number),
      values,
    ),
  );
  const units = Array.from({ length: size }, (_, at) =>
    Array.from({ length: size }, (_each, other) => (other === at ? 1 : 0)),
  );
  const [parameters, ...inverse] = solveSystem(normalMatrix(rows), [sides, ...units]) ?? [];
  if (!parameters) throw new TooFewLevels('the levels are too near to each other for a law');
  return { parameters, inverse };
}
