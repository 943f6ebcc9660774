import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Presence, type PresentClients } from '../../../loadgen/agent/presence.js';
import { Schedule } from '../../../loadgen/agent/schedule.js';
import type { MessagePlan, Phase } from '../../../scenarios/scenario.js';

const CLIENTS = 60;
const START_MS = 1000;
const PHASE_MS = 2000;

const PHASES: Phase[] = [
  { name: 'calm', messageRate: 100, away: 0, churnRate: 0, cut: 0 },
  { name: 'churn', messageRate: 150, away: 0, churnRate: 40, cut: 0.2 },
  { name: 'third-away', messageRate: 100, away: 0.33, churnRate: 10, cut: 0 },
  { name: 'all-back', messageRate: 100, away: 0, churnRate: 0, cut: 0 },
].map((phase) => ({ ...phase, durationMs: PHASE_MS, awayForMs: 150 }));

const messages: MessagePlan = {
  size: { kind: 'lognormal', medianBytes: 100, sigma: 1, maxBytes: 4096 },
  arrival: 'poisson',
};

/** What the schedule saw of its clients, which is as random as a server and an event loop make it. */
interface Luck {
  /** Milliseconds from one tick to the next. */
  ticks: number[];
  isOnline: boolean[];
}

const luck: fc.Arbitrary<Luck> = fc.record({
  ticks: fc.array(fc.double({ min: 0.2, max: 700, noNaN: true }), { minLength: 1, maxLength: 40 }),
  isOnline: fc.array(fc.boolean(), { minLength: 1, maxLength: 50 }),
});

function run(seed: number, { ticks, isOnline }: Luck): string[] {
  const log: string[] = [];
  const nextOf = <T>(values: readonly T[]): (() => T) => {
    let at = 0;
    return () => {
      at += 1;
      return values[at % values.length] as T;
    };
  };
  const nextTick = nextOf(ticks);
  const clients: PresentClients = {
    count: CLIENTS,
    hasPartner: () => true,
    isOnline: nextOf(isOnline),
    sendAway: (client) => log.push(`${client} leaves`),
    cut: () => undefined,
    pause: (client) => log.push(`${client} hangs`),
    resume: (client) => log.push(`${client} wakes`),
  };
  const presence = new Presence(clients, { enqueue: (client) => log.push(`${client} comes`) }, seed);
  const groups = { members: 4, share: 0.3 };
  const schedule = new Schedule({ seed, messages, groups, firstUser: 1 }, presence);
  const send = (client: number, isForGroup: boolean, dueMs: number, bytes: number): void => {
    log.push(`${dueMs} ${client} ${isForGroup} ${bytes}`);
  };
  presence.plan({ kind: 'pause', atMs: 0, share: 0.3, forMs: 700 }, START_MS + 500);
  presence.plan({ kind: 'cut', atMs: 0, share: 0.5 }, START_MS + PHASE_MS + 300);
  let now = START_MS;
  PHASES.forEach((phase, index) => {
    const atMs = START_MS + index * PHASE_MS;
    for (; now < atMs; now += nextTick()) schedule.take(now, send);
    schedule.beginPhase(phase, atMs, send);
  });
  const endMs = START_MS + PHASES.length * PHASE_MS;
  for (; now < endMs; now += nextTick()) schedule.take(now, send);
  schedule.take(endMs, send);
  return log;
}

const steady: Luck = { ticks: [1], isOnline: [true] };

describe('the same seed', () => {
  test('gives the same arrivals, senders, sizes, comings and goings, whatever server and event loop do', () => {
    const expected = run(7, steady);
    expect(expected.filter((line) => line.includes('leaves')).length).toBeGreaterThan(50);
    expect(expected.filter((line) => line.includes('hangs')).length).toBeGreaterThan(5);
    fc.assert(
      fc.property(luck, (each) => {
        expect(run(7, each)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test('and another one gives others', () => {
    expect(run(8, steady)).not.toEqual(run(7, steady));
  });
});

test('nobody who is away or hangs is asked to send', () => {
  const gone = new Set<number>();
  for (const line of run(7, steady)) {
    const [first = '', second = ''] = line.split(' ');
    if (second === 'leaves' || second === 'hangs') gone.add(Number(first));
    else if (second === 'comes' || second === 'wakes') gone.delete(Number(first));
    else expect(gone.has(Number(second))).toBe(false);
  }
});

test('what falls due while everybody is away has no sender, and is handed over all the same', () => {
  const clients = {
    count: 2,
    hasPartner: () => true,
    isOnline: () => true,
    sendAway: () => undefined,
    cut: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
  };
  const presence = new Presence(clients, { enqueue: () => undefined }, 1);
  const schedule = new Schedule({ seed: 1, messages, groups: null, firstUser: 1 }, presence);
  const senders: number[] = [];
  const phase = { ...(PHASES[0] as Phase), away: 1 };
  schedule.beginPhase(phase, START_MS, (client) => senders.push(client));
  schedule.take(START_MS + PHASE_MS, (client) => senders.push(client));
  expect(senders.length).toBeGreaterThan(100);
  expect(new Set(senders)).toEqual(new Set([-1]));
});
