import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Presence, type PresentClients } from '../../../loadgen/agent/presence.js';
import { ScenarioClock } from '../../../loadgen/agent/scenario-clock.js';
import { Schedule } from '../../../loadgen/agent/schedule.js';
import type { ClientAction, GroupPlan, MessagePlan, Phase } from '../../../scenarios/scenario.js';

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

/** Times in here count from the beginning of the first phase. */
interface Script {
  seed: number;
  count: number;
  groups: GroupPlan | null;
  messages: MessagePlan;
  phases: Phase[];
  actions: ClientAction[];
  rates: { messageRate: number; atMs: number }[];
}

const script: Script = {
  seed: 7,
  count: CLIENTS,
  groups: { members: 4, share: 0.3 },
  messages,
  phases: PHASES,
  actions: [
    { kind: 'pause', atMs: 500, share: 0.3, forMs: 700 },
    { kind: 'cut', atMs: PHASE_MS + 300, share: 0.5 },
  ],
  rates: [{ messageRate: 400, atMs: PHASE_MS + 700 }],
};

/** What the schedule saw of its clients, which is as random as a server and an event loop make it. */
interface Luck {
  /** Milliseconds from one tick to the next; none: it sleeps until something falls due, by what the schedule says. */
  ticks: number[];
  isOnline: boolean[];
  /** What the clock of the host shows when the first phase begins, and how it drifts until the next ones. */
  startMs: number;
  driftMs: number;
}

const steady: Luck = { ticks: [1], isOnline: [true], startMs: START_MS, driftMs: 0 };

const luck: fc.Arbitrary<Luck> = fc.record({
  ticks: fc.array(fc.double({ min: 0.2, max: 700, noNaN: true }), { minLength: 1, maxLength: 40 }),
  isOnline: fc.array(fc.boolean(), { minLength: 1, maxLength: 50 }),
  startMs: fc.double({ min: 1, max: 1e10, noNaN: true }),
  driftMs: fc.double({ min: -0.2, max: 0.2, noNaN: true }),
});

/** Users from … to - 1 of the population. */
interface Part {
  from: number;
  to: number;
}

/** What fell due, and what became of the clients, in order; of each: when, who, what. */
interface Told {
  due: string[];
  done: string[];
  ticks: number;
}

const FIRST_USER = 1;
/** Far less than anything here is known to, and more than the clock of a host that is years old loses to rounding. */
const SHORTEST_SLEEP_MS = 0.01;

/** What one agent does of a script. */
function runAgent(of: Script, { from, to }: Part, { ticks, isOnline, startMs, driftMs }: Luck): Told {
  const told: Told = { due: [], done: [], ticks: 0 };
  const nextOf = <T>(values: readonly T[]): (() => T) => {
    let at = 0;
    return () => {
      at += 1;
      return values[at % values.length] as T;
    };
  };
  const nextTick = nextOf(ticks);
  let now = startMs;
  const done = (what: string) => (client: number) => {
    told.done.push(`${Math.round(now - startMs)} ${client + from} ${what}`);
  };
  const clients: PresentClients = {
    hasPartner: (user) => (user ^ 1) < of.count,
    isOnline: nextOf(isOnline),
    sendAway: done('leaves'),
    cut: done('is cut'),
    pause: done('hangs'),
    resume: done('wakes'),
  };
  const plan = {
    seed: of.seed,
    firstUser: FIRST_USER + from,
    count: to - from,
    population: { firstUser: FIRST_USER, count: of.count },
    messages: of.messages,
    groups: of.groups,
  };
  const clock = new ScenarioClock();
  const presence = new Presence(plan, clients, { enqueue: done('comes') }, clock);
  const schedule = new Schedule(plan, presence, clock);
  const send = (client: number, isForGroup: boolean, dueMs: number, bytes: number): void => {
    const user = client < 0 ? 'nobody' : client + from;
    told.due.push(`${(dueMs - startMs).toFixed(6)} ${user} ${isForGroup} ${bytes}`);
  };
  for (const action of of.actions) schedule.plan(action, startMs + action.atMs);
  let atMs = 0;
  const changes = of.phases.map((phase, index) => {
    const begin = { atMs: atMs + index * driftMs, phase };
    atMs += phase.durationMs;
    return begin;
  });
  const pending = [...changes, ...of.rates].sort((one, other) => one.atMs - other.atMs);
  const sleep = (): number => {
    const changeMs = pending[0] ? startMs + pending[0].atMs : Number.POSITIVE_INFINITY;
    return Math.min(startMs + atMs, Math.max(now + SHORTEST_SLEEP_MS, Math.min(changeMs, schedule.nextMs)));
  };
  const tick = (): void => {
    told.ticks += 1;
    for (; pending[0] && startMs + pending[0].atMs <= now; pending.shift()) {
      const change = pending[0];
      if ('phase' in change) schedule.beginPhase(change.phase, startMs + change.atMs, send);
      else schedule.changeRate(change.messageRate, startMs + change.atMs, send);
    }
    schedule.take(now, send);
  };
  for (; now < startMs + atMs; now = ticks.length > 0 ? now + nextTick() : sleep()) tick();
  now = startMs + atMs;
  tick();
  schedule.end(now, send);
  return told;
}

/** The same of several agents, in an order that does not hang on who tells it. */
function runAll(of: Script, parts: readonly Part[], luckOf: (agent: number) => Luck): Told {
  const all = parts.map((part, agent) => runAgent(of, part, luckOf(agent)));
  return {
    due: all.flatMap(({ due }) => due).sort(byTime),
    done: all.flatMap(({ done }) => done).sort(byTime),
    ticks: all.reduce((sum, { ticks }) => sum + ticks, 0),
  };
}

function byTime(one: string, other: string): number {
  return Number.parseFloat(one) - Number.parseFloat(other) || (one < other ? -1 : 1);
}

/** The clocks of two hosts round differently: times are the same to a ten-thousandth of a millisecond, everything else is. */
function expectSameDue(due: readonly string[], expected: readonly string[]): void {
  const what = (line: string): string => line.slice(line.indexOf(' '));
  expect(due.map(what)).toEqual(expected.map(what));
  const apart = due.map((line, index) =>
    Math.abs(Number.parseFloat(line) - Number.parseFloat(expected[index] as string)),
  );
  expect(Math.max(0, ...apart)).toBeLessThan(1e-4);
}

/** Whole pairs and groups each, as even as that goes. */
function divided({ count, groups }: Script, agents: number): Part[] {
  const members = groups?.members ?? 2;
  const together = members % 2 === 0 ? members : 2 * members;
  const blocks = Math.ceil(count / together);
  const at = (agent: number): number => Math.min(count, Math.floor((blocks * agent) / agents) * together);
  return Array.from({ length: agents }, (_, agent) => ({ from: at(agent), to: at(agent + 1) })).filter(
    ({ from, to }) => to > from,
  );
}

const whole = (of: Script): Part => ({ from: 0, to: of.count });

const share = fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));

const anyPhase: fc.Arbitrary<Phase> = fc.record({
  name: fc.constant('phase'),
  durationMs: fc.integer({ min: 1, max: 1500 }),
  messageRate: fc.integer({ min: 0, max: 400 }),
  // As often a ramp as not.
  messageRateTo: fc.integer({ min: 0, max: 400 }),
  away: share,
  churnRate: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 200 })),
  awayForMs: fc.integer({ min: 0, max: 500 }),
  cut: share,
});

const anyAction: fc.Arbitrary<ClientAction> = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), atMs: fc.nat(3000), share }),
  fc.record({
    kind: fc.constant('pause' as const),
    atMs: fc.nat(3000),
    share,
    forMs: fc.option(fc.nat(1500)),
  }),
);

const anyScript: fc.Arbitrary<Script> = fc.record({
  seed: fc.nat(),
  count: fc.integer({ min: 1, max: 90 }),
  groups: fc.option(fc.record({ members: fc.integer({ min: 2, max: 7 }), share })),
  messages: fc.constantFrom<MessagePlan>(
    messages,
    { size: { kind: 'fixed', bytes: 64 }, arrival: 'constant' },
    { size: { kind: 'uniform', minBytes: 30, maxBytes: 900 }, arrival: 'poisson' },
  ),
  phases: fc.array(anyPhase, { minLength: 1, maxLength: 4 }),
  actions: fc.array(anyAction, { maxLength: 3 }),
  rates: fc.array(fc.record({ messageRate: fc.nat(500), atMs: fc.nat(4000) }), { maxLength: 2 }),
});

describe('the same seed', () => {
  test('gives the same arrivals, senders, sizes, comings and goings, whatever server and event loop do', () => {
    const expected = runAgent(script, whole(script), steady);
    const count = (what: string) => expected.done.filter((line) => line.endsWith(what)).length;
    expect(count('leaves')).toBeGreaterThan(50);
    expect(count('hangs')).toBeGreaterThan(5);
    expect(expected.due.length).toBeGreaterThan(900);
    // When the agent came to it is its own luck, and whom a cut finds connected is the server's.
    const what = ({ done }: Told) =>
      done.filter((line) => !line.endsWith('cut')).map((line) => line.slice(line.indexOf(' ')));
    fc.assert(
      fc.property(luck, (each) => {
        const { startMs, driftMs } = steady;
        const told = runAgent(script, whole(script), { ...each, startMs, driftMs });
        expect(told.due).toEqual(expected.due);
        expect(what(told)).toEqual(what(expected));
      }),
      { numRuns: 50 },
    );
  });

  test('and another one gives others', () => {
    const other = { ...script, seed: 8 };
    expect(runAgent(other, whole(other), steady).due).not.toEqual(
      runAgent(script, whole(script), steady).due,
    );
  });
});

describe('one, two and five agents', () => {
  test('schedule the same messages between them: due time, sender, whether for a group, size', () => {
    fc.assert(
      fc.property(anyScript, fc.array(luck, { minLength: 5, maxLength: 5 }), (of, lucks) => {
        // Each host has a clock of its own, and ticks of its own.
        const luckOf = (agent: number): Luck => ({ ...(lucks[agent] as Luck), driftMs: 0 });
        const expected = runAgent(of, whole(of), steady).due.sort(byTime);
        for (const agents of [1, 2, 5]) expectSameDue(runAll(of, divided(of, agents), luckOf).due, expected);
      }),
      { numRuns: 200 },
    );
  });

  test('let the same users leave, come back, hang and be cut, at the same times', () => {
    fc.assert(
      fc.property(anyScript, (of) => {
        const expected = runAll(of, [whole(of)], () => steady).done;
        for (const agents of [2, 5])
          expect(runAll(of, divided(of, agents), () => steady).done).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test('lose nothing between two phases, nor at the end, where their clocks drift', () => {
    fc.assert(
      fc.property(fc.array(luck, { minLength: 5, maxLength: 5 }), (lucks) => {
        const even = { ...script, rates: [] };
        const counts = [1, 2, 5].map(
          (agents) => runAll(even, divided(even, agents), (agent) => lucks[agent] as Luck).due.length,
        );
        expect(new Set(counts).size).toBe(1);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a rate that goes evenly to another', () => {
  const ramp = (messageRate: number, messageRateTo: number, arrival: MessagePlan['arrival']): Script => ({
    ...script,
    messages: { ...messages, arrival },
    phases: [{ ...(PHASES[0] as Phase), messageRate, messageRateTo, durationMs: 10_000 }],
    actions: [],
    rates: [],
  });
  const timesOf = (of: Script): number[] =>
    runAgent(of, whole(of), steady).due.map((line) => Number.parseFloat(line));

  test.each([
    [0, 1000],
    [1000, 0],
    [100, 900],
    [500, 500.001],
    [0, 0.5],
  ])('from %d/s to %d/s: as many as its mean says, and by the middle as many as by then', (from, to) => {
    const times = timesOf(ramp(from, to, 'constant'));
    const passed = (ms: number): number => (from * ms + ((to - from) * ms * ms) / 20_000) / 1000;
    // Even gaps begin at a random point of the first.
    expect(Math.abs(times.length - passed(10_000))).toBeLessThanOrEqual(1);
    for (const ms of [1000, 5000, 9000])
      expect(Math.abs(times.filter((time) => time <= ms).length - passed(ms))).toBeLessThanOrEqual(1);
    expect(times).toEqual([...times].sort((one, other) => one - other));
  });

  test('with exponential gaps, as many as a Poisson distribution allows', () => {
    const times = timesOf(ramp(100, 2000, 'poisson'));
    // Four standard deviations.
    expect(Math.abs(times.length - 10_500)).toBeLessThan(4 * Math.sqrt(10_500));
    const late = times.filter((time) => time > 5000).length;
    expect(Math.abs(late - 7625)).toBeLessThan(4 * Math.sqrt(7625));
  });

  test('to the same one is no ramp: the messages are those of the rate alone', () => {
    expect(timesOf(ramp(300, 300, 'poisson'))).toEqual(
      timesOf({
        ...ramp(300, 300, 'poisson'),
        phases: [{ ...(PHASES[0] as Phase), messageRate: 300, durationMs: 10_000 }],
      }),
    );
  });

  test('is left for another rate from a moment on', () => {
    const of = { ...ramp(100, 2000, 'poisson'), rates: [{ messageRate: 0, atMs: 4000 }] };
    const times = timesOf(of);
    expect(times).toEqual(timesOf(ramp(100, 2000, 'poisson')).filter((time) => time <= 4000));
  });
});

describe('another rate, from a moment on', () => {
  const calm: Script = {
    ...script,
    phases: [{ ...(PHASES[0] as Phase), messageRate: 100, durationMs: 20_000 }],
    actions: [],
    rates: [{ messageRate: 1000, atMs: 12_000 }],
  };
  const dueIn = (of: Script, fromMs: number, toMs: number): string[] =>
    runAgent(of, whole(of), steady).due.filter(
      (line) => Number.parseFloat(line) > fromMs && Number.parseFloat(line) <= toMs,
    );

  test('changes nothing of before, and is the rate of the rest of the phase', () => {
    expect(dueIn(calm, 0, 12_000)).toEqual(dueIn({ ...calm, rates: [] }, 0, 12_000));
    // Four standard deviations of a Poisson distribution.
    expect(Math.abs(dueIn(calm, 12_000, 20_000).length - 8000)).toBeLessThan(4 * Math.sqrt(8000));
    expect(dueIn({ ...calm, rates: [{ messageRate: 0, atMs: 12_000 }] }, 12_000, 20_000)).toEqual([]);
  });

  test('that comes late makes nothing fall due a second time', () => {
    const late: Luck = { ...steady, ticks: [15_000] };
    const due = runAgent(calm, whole(calm), late).due.map((line) => Number.parseFloat(line));
    expect(due).toEqual([...due].sort((one, other) => one - other));
  });

  test('of a phase that is over is not that of the next one', () => {
    const early = { ...script, rates: [] };
    const clients = runAgent(early, whole(early), steady).due;
    const asked = { ...script, rates: [{ messageRate: 9000, atMs: -5 }] };
    expect(runAgent(asked, whole(asked), steady).due).toEqual(clients);
  });
});

/** The same of the same users in the same order, at times that are no further apart than that. */
function expectSame(told: readonly string[], expected: readonly string[], apartMs: number): void {
  const whatOf = (line: string): string => line.slice(line.indexOf(' '));
  const timeOf = (line: string): number => Number(line.slice(0, line.indexOf(' ')));
  expect(told.map(whatOf)).toEqual(expected.map(whatOf));
  const apart = told.map((line, index) => Math.abs(timeOf(line) - timeOf(expected[index] as string)));
  expect(Math.max(0, ...apart)).toBeLessThanOrEqual(apartMs);
}

test('an agent that sleeps until something falls due is late for nothing, and wakes for nothing else', () =>
  fc.assert(
    fc.property(luck, fc.nat(), ({ isOnline, startMs }, seed) => {
      const quiet: Script = { ...script, seed, phases: PHASES.map((each) => ({ ...each, messageRate: 20 })) };
      const often = runAgent(quiet, whole(quiet), { ...steady, isOnline, ticks: [0.2] });
      const asleep = runAgent(quiet, whole(quiet), { ...steady, ticks: [], isOnline, startMs });
      expectSame(asleep.due, often.due, 0.001);
      expectSame(asleep.done, often.done, 1);
      // Two for each where the clock of the host rounds, and those of the phases.
      expect(asleep.ticks).toBeLessThanOrEqual(
        2 * (asleep.due.length + asleep.done.length) + 2 * PHASES.length + 10,
      );
    }),
  ));

test('nobody who is away or hangs is asked to send', () => {
  const { due, done } = runAgent(script, whole(script), { ...steady, ticks: [0.25] });
  const gone = new Map<number, boolean>();
  const lines = [
    ...due.map((line) => ({ line, isDue: true })),
    ...done.map((line) => ({ line, isDue: false })),
  ];
  let asked = 0;
  for (const { line, isDue } of lines.sort((one, other) => byTime(one.line, other.line))) {
    const [time = '', user = '', what = ''] = line.split(' ');
    if (!isDue && ['leaves', 'hangs', 'comes', 'wakes'].includes(what)) {
      gone.set(Number(user), what === 'leaves' || what === 'hangs');
    } else if (isDue && !changesAbout(done, Number(time), user)) {
      asked += 1;
      expect(gone.get(Number(user)) ?? false).toBe(false);
    }
  }
  expect(asked).toBeGreaterThan(500);
});

/** Whether something was done to a user within the millisecond to which that is known. */
function changesAbout(done: readonly string[], timeMs: number, user: string): boolean {
  return done.some((line) => {
    const [time = '', who = ''] = line.split(' ');
    return who === user && Math.abs(Number(time) - timeMs) <= 1.5;
  });
}

test('what falls due while everybody is away has no sender, and one of the agents tells of it', () => {
  const empty: Script = { ...script, phases: [{ ...(PHASES[0] as Phase), away: 1 }], actions: [], rates: [] };
  const { due } = runAll(empty, divided(empty, 5), () => steady);
  expect(due.length).toBeGreaterThan(100);
  expect(new Set(due.map((line) => line.split(' ')[1]))).toEqual(new Set(['nobody']));
  expect(due).toEqual(runAgent(empty, whole(empty), steady).due.sort(byTime));
});

test('every user who is there is asked about as often as every other, whatever agent it is in', () => {
  const busy: Script = {
    ...script,
    count: 20,
    groups: null,
    phases: [{ ...(PHASES[0] as Phase), messageRate: 5000, durationMs: 10_000, away: 0.5 }],
    actions: [],
    rates: [],
  };
  const asked = new Map<string, number>();
  for (const line of runAll(busy, divided(busy, 5), () => steady).due) {
    const user = line.split(' ')[1] as string;
    asked.set(user, (asked.get(user) ?? 0) + 1);
  }
  expect(asked.size).toBeGreaterThan(3);
  const fair = [...asked.values()].reduce((sum, count) => sum + count, 0) / asked.size;
  for (const count of asked.values()) expect(Math.abs(count - fair)).toBeLessThan(5 * Math.sqrt(fair));
});
