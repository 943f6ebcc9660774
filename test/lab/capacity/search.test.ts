import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LevelRange } from '../../../lab/capacity/level-range.js';
import {
  type Bracket,
  type SearchEnd,
  searchCapacity,
  type TrialVerdict,
  type WantedTrial,
} from '../../../lab/capacity/search.js';
import { Random } from '../../../loadgen/random.js';

const RATES: LevelRange = { least: 1, most: 1e9, isWhole: false, precision: 0.05 };
const CLIENTS: LevelRange = { least: 2, most: 16_000_000, isWhole: true, precision: 0.05 };
/** No search has to be longer; a server that is noisy or decays takes more of them. */
const MOST_TRIALS = 80;

type SimulatedServer = (trial: WantedTrial) => TrialVerdict;

interface Searched extends Bracket {
  end: SearchEnd;
  asked: WantedTrial[];
}

function search(server: SimulatedServer, from: number, range: LevelRange = RATES): Searched {
  const bracket: Bracket = { holds: null, breaks: null };
  const asked: WantedTrial[] = [];
  const trials = searchCapacity(from, range, bracket);
  let step = trials.next();
  while (!step.done) {
    asked.push(step.value);
    if (asked.length > MOST_TRIALS) throw new Error(`no end: ${JSON.stringify(asked.slice(-20))}`);
    step = trials.next(server(step.value));
  }
  return { ...bracket, end: step.value, asked };
}

/** Holds up to its limit and not beyond. */
const limitOf =
  (limit: number): SimulatedServer =>
  ({ level }) =>
    level <= limit ? 'held' : 'broke';

/** One trial in so many says the opposite of what is so. */
function noisy(server: SimulatedServer, share: number, seed: number): SimulatedServer {
  const random = new Random(seed);
  return (trial) => {
    const verdict = server(trial);
    if (random.next() >= share) return verdict;
    return verdict === 'held' ? 'broke' : 'held';
  };
}

/** Its limit is not sharp: near it a trial holds or not by chance, as arrivals come in bursts or not. */
function blurred(limit: number, spread: number, seed: number): SimulatedServer {
  const random = new Random(seed);
  return ({ level }) => (level <= limit * (1 + spread * random.normal()) ? 'held' : 'broke');
}

/**
 * A token bucket of so many messages a second, before which they wait, in the time of a simulation: messages come as those of
 * independent people do, and a level holds where p99 of their waits is under 250 ms, in trials of 10 s and of 30 s.
 */
function tokenBucket(perSecond: number, seed: number): SimulatedServer {
  const random = new Random(seed);
  return ({ level, length }) => {
    const seconds = length === 'full' ? 30 : 10;
    const waits: number[] = [];
    let freeAt = 0;
    for (let at = random.exponential() / level; at < seconds; at += random.exponential() / level) {
      freeAt = Math.max(freeAt, at) + 1 / perSecond;
      waits.push(freeAt - at);
    }
    waits.sort((one, other) => one - other);
    return (waits[Math.floor(waits.length * 0.99)] ?? 0) < 0.25 ? 'held' : 'broke';
  };
}

const seeds = fc.integer({ min: 1, max: 2 ** 30 });
const limits = fc.double({ min: 20, max: 1e6, noNaN: true });
const starts = fc.double({ min: 2, max: 1e6, noNaN: true });

describe('the search for the highest level that holds', () => {
  it('finds the limit of a server that has one, wherever it starts, with both ends tried at full length', () => {
    fc.assert(
      fc.property(limits, starts, (limit, from) => {
        const { end, holds, breaks, asked } = search(limitOf(limit), from);
        expect(end).toBe('found');
        expect(holds?.level).toBeLessThanOrEqual(limit);
        expect(breaks?.level).toBeGreaterThan(limit);
        expect(holds?.level).toBeGreaterThanOrEqual(limit * 0.974);
        expect([holds?.length, breaks?.length]).toEqual(['full', 'full']);
        expect(asked.filter(({ length }) => length === 'full')).toHaveLength(4);
      }),
    );
  });

  it('doubles, halves the gap, and confirms: a dozen short trials and four full ones from 500 to 40,000', () => {
    const { asked } = search(limitOf(40_000), 500);
    expect(asked.slice(0, 8).map(({ level }) => level)).toEqual([
      500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000,
    ]);
    expect(asked.filter(({ length }) => length === 'short').length).toBeLessThanOrEqual(13);
    expect(asked.slice(-4).map(({ length }) => length)).toEqual(['full', 'full', 'full', 'full']);
  });

  it('finds a whole number of clients to the one, where that is near enough', () => {
    for (const limit of [2, 3, 7, 19]) {
      const { holds, breaks } = search(limitOf(limit), 5, CLIENTS);
      expect([holds?.level, breaks?.level]).toEqual([limit, limit + 1]);
    }
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 100_000 }), (limit) => {
        const { holds } = search(limitOf(limit), 100, CLIENTS);
        expect(holds?.level).toBeLessThanOrEqual(limit);
        expect((holds?.level as number) / limit).toBeGreaterThanOrEqual(0.97);
      }),
    );
  });

  it('finds a limit that only long trials show: a server that decays', () => {
    fc.assert(
      fc.property(limits, starts, fc.double({ min: 1, max: 2.5, noNaN: true }), (limit, from, flattery) => {
        const decays: SimulatedServer = ({ level, length }) =>
          level <= (length === 'full' ? limit : limit * flattery) ? 'held' : 'broke';
        const { end, holds, breaks } = search(decays, from);
        expect(end).toBe('found');
        expect(holds?.length).toBe('full');
        expect((holds?.level as number) / limit).toBeGreaterThan(0.97);
        expect(holds?.level).toBeLessThanOrEqual(limit);
        expect(breaks?.level).toBeGreaterThan(limit);
      }),
    );
  });

  it('finds a limit that only long trials reach: a server that has to warm up', () => {
    fc.assert(
      fc.property(limits, fc.double({ min: 0.5, max: 1, noNaN: true }), (limit, cold) => {
        const warms: SimulatedServer = ({ level, length }) =>
          level <= (length === 'full' ? limit : limit * cold) ? 'held' : 'broke';
        const { holds } = search(warms, 100);
        expect((holds?.level as number) / limit).toBeGreaterThan(0.97);
        expect(holds?.level).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('finds it within 5 % in 19 of 20 tries where one trial in twenty is wrong', () => {
    const tries = 1000;
    let near = 0;
    for (let seed = 1; seed <= tries; seed += 1) {
      const limit = 100 * 1.01 ** (seed % 700);
      const { holds } = search(noisy(limitOf(limit), 0.05, seed), 200);
      if (Math.abs((holds?.level ?? 0) / limit - 1) <= 0.05) near += 1;
    }
    expect(near / tries).toBeGreaterThanOrEqual(0.95);
  });

  it('finds it in 19 of 20 tries where a machine is held up in one trial of ten, which then breaks at any level', () => {
    const tries = 1000;
    let near = 0;
    for (let seed = 1; seed <= tries; seed += 1) {
      const random = new Random(seed);
      const limit = 100 * 1.01 ** (seed % 700);
      const server: SimulatedServer = (trial) => (random.next() < 0.1 ? 'broke' : limitOf(limit)(trial));
      const { holds } = search(server, 200);
      if (Math.abs((holds?.level ?? 0) / limit - 1) <= 0.05) near += 1;
    }
    expect(near / tries).toBeGreaterThanOrEqual(0.95);
  });

  it('finds it within 5 % in 19 of 20 tries where the limit itself is blurred by 1.5 %', () => {
    const tries = 1000;
    let near = 0;
    for (let seed = 1; seed <= tries; seed += 1) {
      const limit = 100 * 1.01 ** (seed % 700);
      const { holds } = search(blurred(limit, 0.015, seed), 200);
      if (Math.abs((holds?.level ?? 0) / limit - 1) <= 0.05) near += 1;
    }
    expect(near / tries).toBeGreaterThanOrEqual(0.95);
  });

  it('finds the rate of a token bucket within 5 % in 19 of 20 tries', () => {
    const tries = 40;
    const limits = new Random(11);
    let near = 0;
    for (let seed = 1; seed <= tries; seed += 1) {
      const limit = 200 * 10 ** limits.next();
      const { end, holds } = search(tokenBucket(limit, seed), 150);
      if (end === 'found' && Math.abs((holds?.level ?? 0) / limit - 1) <= 0.05) near += 1;
    }
    expect(near / tries).toBeGreaterThanOrEqual(0.95);
  });

  it('ends whatever a server says, and its two levels never contradict each other', () => {
    fc.assert(
      fc.property(seeds, starts, fc.constantFrom(RATES, CLIENTS), (seed, from, range) => {
        const random = new Random(seed);
        const verdicts = ['held', 'broke', 'lab'] as const;
        const bracket: Bracket = { holds: null, breaks: null };
        const trials = searchCapacity(from, { ...range, most: 1e6 }, bracket);
        let step = trials.next();
        for (let count = 0; !step.done && count < 1000; count += 1) {
          expect(step.value.level).toBeGreaterThanOrEqual(range.least);
          expect(step.value.level).toBeLessThanOrEqual(1e6);
          step = trials.next(verdicts[random.below(3)] as TrialVerdict);
          if (bracket.holds && bracket.breaks) expect(bracket.holds.level).toBeLessThan(bracket.breaks.level);
        }
        expect(step.done).toBe(true);
      }),
    );
  });
});

describe('what a search says where there is no limit to be found', () => {
  it('is that the lab gave way, and not the server, where the generator was the limit', () => {
    const server: SimulatedServer = ({ level }) => (level <= 8000 ? 'held' : 'lab');
    const { end, holds, breaks } = search(server, 500);
    expect(end).toBe('lab');
    expect(holds?.level).toBeGreaterThan(7780);
    expect(breaks).toMatchObject({ verdict: 'lab', length: 'full' });
  });

  it('is the limit of the server, where the generator gave way only far above it', () => {
    const server: SimulatedServer = ({ level }) =>
      level > 12_000 ? 'lab' : limitOf(10_000)({ level, length: 'full' });
    const { end, breaks } = search(server, 500);
    expect(end).toBe('found');
    expect(breaks?.verdict).toBe('broke');
  });

  it('gives a generator a second chance that was disturbed once', () => {
    const seen = new Set<number>();
    const server: SimulatedServer = (trial) => {
      const isFirst = !seen.has(trial.level);
      seen.add(trial.level);
      return isFirst ? 'lab' : limitOf(3000)(trial);
    };
    const { end, holds } = search(server, 500);
    expect(end).toBe('found');
    expect(holds?.level).toBeGreaterThan(2900);
  });

  it('gives one more chances that has managed as high a level before, for then it was disturbed', () => {
    const random = new Random(7);
    let found = 0;
    for (let each = 0; each < 200; each += 1) {
      const server: SimulatedServer = (trial) =>
        trial.level > 500 && random.next() < 0.3 ? 'lab' : limitOf(3000)(trial);
      const { end, holds } = search(server, 500);
      if (end === 'found' && Math.abs((holds?.level ?? 0) / 3000 - 1) <= 0.05) found += 1;
    }
    // Above all that it has managed, two trials of three in ten bound a search: one in eleven.
    expect(found / 200).toBeGreaterThan(0.9);
  });

  it('is that the most that may be asked for holds', () => {
    const { end, holds, breaks, asked } = search(limitOf(1e9), 500, { ...RATES, most: 5000 });
    expect(end).toBe('most');
    expect(holds).toEqual({ level: 5000, length: 'full', verdict: 'held' });
    expect(breaks).toBeNull();
    expect(asked.map(({ level }) => level)).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('is that the lab gave way at every level, where it did', () => {
    const { end, holds, breaks } = search(() => 'lab', 100, CLIENTS);
    expect([end, holds, breaks?.level]).toEqual(['lab', null, 2]);
  });

  it('is that not even the least holds', () => {
    const { end, holds, breaks } = search(() => 'broke', 100, CLIENTS);
    expect(end).toBe('least');
    expect(holds).toBeNull();
    expect(breaks?.level).toBe(2);
  });
});
