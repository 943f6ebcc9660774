import { describe, expect, it } from 'vitest';
import type { Mutation } from '../../../bench/cluster-simulation/mutations.js';
import {
  HOMES_OPEN_WITHIN_LEASES,
  type SimulationOptions,
  simulate,
} from '../../../bench/cluster-simulation/simulated-cluster.js';

/** Time in here is virtual: that of the machine changes nothing. */
const SMALL = { processes: 6, homes: 32, leaseMs: 2000, disturbedLeases: 8, disturbances: 12 };
const MIDDLE = { ...SMALL, processes: 40, homes: 512, leaseMs: 4000, disturbedLeases: 4, disturbances: 8 };
const SEEDS = Array.from({ length: 30 }, (_, at) => at + 1);

/** What a fault that was put in on purpose breaks, in the first history that it breaks. */
async function violationsWith(
  mutation: Mutation,
  options: Partial<SimulationOptions> = {},
): Promise<string[]> {
  for (const seed of SEEDS) {
    const { violations } = await simulate({ ...SMALL, ...options, seed, mutation });
    if (violations.length > 0) return [...violations];
  }
  return [];
}

describe('membership, through kills, stopped processes, cut links and a table that stands still', () => {
  it('never has two owners whose appends both succeed, and soon has every home open again, balanced, and at rest', async () => {
    for (const seed of SEEDS) {
      const result = await simulate({ ...SMALL, seed });
      expect(
        result.violations,
        `npm run bench:membership -- --processes 6 --homes 32 --lease-ms 2000 --seed ${seed}`,
      ).toEqual([]);
      expect(result.openLeases).toBeLessThanOrEqual(HOMES_OPEN_WITHIN_LEASES);
    }
  });

  it('does so with many processes', async () => {
    const { violations, deaths, takeovers } = await simulate({ ...MIDDLE, seed: 7 });
    expect(violations).toEqual([]);
    // Otherwise nothing was proved.
    expect(deaths).toBeGreaterThan(0);
    expect(takeovers).toBeGreaterThan(0);
  });

  it('has the same history for the same seed', async () => {
    const [first, again, other] = [
      await simulate({ ...SMALL, seed: 3 }),
      await simulate({ ...SMALL, seed: 3 }),
      await simulate({ ...SMALL, seed: 4 }),
    ];
    expect(again).toEqual(first);
    expect(other.hash).not.toBe(first.hash);
  });

  it('takes nobody for dead while the table stands still, for as long as an election may take', async () => {
    for (const seed of SEEDS) {
      const result = await simulate({ ...SMALL, seed, disturbances: 4, kinds: ['stall'] });
      expect(result.violations).toEqual([]);
      expect(result.deaths, `seed ${seed}`).toBe(0);
    }
  });
});

describe('the simulation finds faults that are put in on purpose', () => {
  it('a home that is opened without fencing its log', async () => {
    expect((await violationsWith('no-fence')).join('\n')).toMatch(/an append of epoch \d+ by \d+ succeeded/);
  });

  it('a fence that is shorter than what an owner may have under way', async () => {
    const long = { disturbances: 30, kinds: ['cut', 'stop'] as const, homes: 64 };
    expect((await violationsWith('short-fence', long)).join('\n')).toMatch(
      /an append of epoch \d+ by \d+ succeeded/,
    );
  });

  it('finds what is delivered unmarked by a process that another has replaced', async () => {
    expect((await violationsWith('no-marks')).join('\n')).toMatch(/delivers unmarked from epoch \d+/);
  });

  it('homes that are claimed without compare-and-set', async () => {
    expect((await violationsWith('no-compare')).join('\n')).toMatch(
      /appended in the same epoch|became \d+'s/,
    );
  });

  it('peers that count time while the table stands still', async () => {
    let deaths = 0;
    for (let seed = 1; seed <= SEEDS.length && deaths === 0; seed += 1) {
      const options: SimulationOptions = { ...SMALL, seed, disturbances: 4, kinds: ['stall'] };
      deaths = (await simulate({ ...options, mutation: 'no-stall-rule' })).deaths;
    }
    expect(deaths).toBeGreaterThan(0);
  });
});
