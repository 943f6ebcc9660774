import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fitScalability,
  mostUsefulNodes,
  type ScalabilityLaw,
  throughputAt,
} from '../../../record/scalability/scalability-law.js';

const laws: fc.Arbitrary<ScalabilityLaw> = fc.record({
  perSecond: fc.double({ min: 10, max: 1e6, noNaN: true }),
  contention: fc.double({ min: 0, max: 1, noNaN: true }),
  coherency: fc.double({ min: 0, max: 0.1, noNaN: true }),
});

const NODES = [1, 2, 4, 8, 16];

function errorOf(law: ScalabilityLaw, points: { nodes: number; perSecond: number }[]): number {
  return points.reduce(
    (sum, { nodes, perSecond }) => sum + (perSecond / throughputAt(law, nodes) - 1) ** 2,
    0,
  );
}

describe('the Universal Scalability Law', () => {
  it('is found again in what follows from it', () => {
    fc.assert(
      fc.property(laws, (law) => {
        const fitted = fitScalability(NODES.map((nodes) => ({ nodes, perSecond: throughputAt(law, nodes) })));
        for (const nodes of [...NODES, 32])
          expect(throughputAt(fitted, nodes) / throughputAt(law, nodes)).toBeCloseTo(1, 5);
      }),
    );
  });

  it('is fitted no worse than any other, whatever was measured, and never with less than no contention', () => {
    const noise = fc.array(fc.double({ min: 0.7, max: 1.4, noNaN: true }), {
      minLength: NODES.length,
      maxLength: NODES.length,
    });
    fc.assert(
      fc.property(laws, laws, noise, (law, other, factors) => {
        const points = NODES.map((nodes, at) => ({
          nodes,
          perSecond: throughputAt(law, nodes) * (factors[at] as number),
        }));
        const fitted = fitScalability(points);
        expect(fitted.contention).toBeGreaterThanOrEqual(0);
        expect(fitted.coherency).toBeGreaterThanOrEqual(0);
        for (const each of [law, other, { ...law, contention: 0 }])
          expect(errorOf(fitted, points)).toBeLessThanOrEqual(errorOf(each, points) + 1e-9);
      }),
    );
  });

  it('is a line through one point, and says nothing of what was not measured', () => {
    expect(fitScalability([{ nodes: 2, perSecond: 100 }])).toEqual({
      perSecond: 50,
      contention: 0,
      coherency: 0,
    });
    expect(() => fitScalability([])).toThrow(RangeError);
  });

  it('has a peak where nodes cost each other more than they bring', () => {
    expect(mostUsefulNodes({ perSecond: 1, contention: 0, coherency: 0.01 })).toBeCloseTo(10);
    expect(mostUsefulNodes({ perSecond: 1, contention: 2, coherency: 0.01 })).toBe(1);
    expect(mostUsefulNodes({ perSecond: 1, contention: 0.5, coherency: 0 })).toBeUndefined();
  });
});
