import { describe, expect, it } from 'vitest';
import { Random } from '../../../loadgen/random.js';
import { studentQuantile } from '../../../record/comparison/student-distribution.js';
import {
  fitWithConfidence,
  type Interval,
  TooFewLevels,
  throughputInterval,
} from '../../../record/scalability/scalability-confidence.js';
import { type ScalabilityLaw, throughputAt } from '../../../record/scalability/scalability-law.js';

const LAW: ScalabilityLaw = { perSecond: 1000, contention: 0.06, coherency: 0.004 };
const LEVELS = [1, 2, 4, 6, 8, 12, 16];

function measured(law: ScalabilityLaw, noise = 0, random = new Random(1), levels = LEVELS) {
  return levels.map((nodes) => ({
    nodes,
    perSecond: throughputAt(law, nodes) * Math.exp(noise * random.normal()),
  }));
}

function holds({ low, high }: Interval, value: number): boolean {
  return value >= low && (high === null || value <= high);
}

describe('Student’s t', () => {
  it.each([
    [0.975, 1, 12.706],
    [0.975, 2, 4.303],
    [0.975, 3, 3.182],
    [0.975, 4, 2.776],
    [0.95, 5, 2.015],
    [0.995, 10, 3.169],
    [0.025, 3, -3.182],
    [0.5, 7, 0],
  ])('at %d with %d degrees is as in the tables', (probability, freedom, value) => {
    expect(studentQuantile(probability, freedom)).toBeCloseTo(value, 3);
  });

  it('is not told outside of its range', () => {
    expect(() => studentQuantile(1, 3)).toThrow(RangeError);
    expect(() => studentQuantile(0.9, 0)).toThrow(RangeError);
  });
});

describe('the Universal Scalability Law with its confidence', () => {
  it('is refused for fewer than six levels, with a word that says so', () => {
    const few = measured(LAW).slice(0, 5);
    expect(() => fitWithConfidence(few)).toThrow(TooFewLevels);
    expect(() => fitWithConfidence([...few, ...few])).toThrow(
      '5 levels are too few for a law of 3 parameters; measure at least 6',
    );
  });

  it('is the law itself, without a doubt, where nothing is noisy', () => {
    const fit = fitWithConfidence(measured(LAW));
    expect(fit.law.contention).toBeCloseTo(LAW.contention);
    for (const interval of [fit.contention, fit.coherency])
      expect((interval.high as number) - interval.low).toBeLessThan(1e-6);
    expect(fit.spread).toBeLessThan(1e-9);
    expect(fit.mostUseful.nodes).toBeCloseTo(Math.sqrt((1 - 0.06) / 0.004));
  });

  // 400 times what a lab would measure: 95 % of the intervals have to hold the truth, give or take what 400 draws leave.
  it.each([
    ['with a peak', LAW, 0.03],
    ['of servers that share nothing', { perSecond: 500, contention: 0, coherency: 0 }, 0.02],
    ['of servers that wait for each other', { perSecond: 20_000, contention: 0.3, coherency: 0 }, 0.05],
  ] as const)('holds the truth as often as it says, for a law %s', (_, law, noise) => {
    const random = new Random(42);
    const hits = { perSecond: 0, contention: 0, coherency: 0, peak: 0, projected: 0 };
    const tries = 400;
    for (let each = 0; each < tries; each += 1) {
      const points = measured(law, noise, random);
      const fit = fitWithConfidence(points);
      hits.perSecond += Number(holds(fit.perSecond, law.perSecond));
      hits.contention += Number(holds(fit.contention, law.contention));
      hits.coherency += Number(holds(fit.coherency, law.coherency));
      const peak = law.coherency > 0 ? Math.sqrt((1 - law.contention) / law.coherency) : 1e9;
      hits.peak += Number(holds(fit.mostUseful.interval, peak));
      hits.projected += Number(holds(throughputInterval(points, 24), throughputAt(law, 24)));
    }
    for (const [what, count] of Object.entries(hits))
      expect(count / tries, what).toBeGreaterThanOrEqual(0.92);
  });

  it('says that a peak may be nowhere where the points do not tell of one', () => {
    const straight = { perSecond: 500, contention: 0.02, coherency: 0 };
    const { mostUseful } = fitWithConfidence(measured(straight, 0.03));
    expect(mostUseful.interval.high).toBeNull();
    expect(mostUseful.interval.low).toBeGreaterThan(1);
  });
});
