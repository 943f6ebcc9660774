import { Command } from 'commander';
import { Presence, type PresentClients } from '../loadgen/agent/presence.js';
import { ScenarioClock } from '../loadgen/agent/scenario-clock.js';
import { Schedule } from '../loadgen/agent/schedule.js';
import type { MessagePlan, Phase } from '../scenarios/scenario.js';

/**
 * What the schedule costs an agent: for a message of its own, and for one of another agent, which it walks past because all
 * agents walk the arrivals of the whole run. Counted is CPU, which other work on the machine changes least.
 */

const RATE = 1_000_000;
const MESSAGES: MessagePlan = { size: { kind: 'fixed', bytes: 100 }, arrival: 'poisson' };

await new Command('bench:schedule')
  .option('--users <n>', 'of all agents', Number, 2_000_000)
  .option('--arrivals <n>', 'that each figure is over', Number, 5_000_000)
  .action(measureAll)
  .parseAsync();

function measureAll({ users, arrivals }: { users: number; arrivals: number }): void {
  console.log(
    `${users} users, messages by poisson, nanoseconds of CPU an arrival: median of 5 (lowest to highest)`,
  );
  const shapes = [
    { name: 'all of them its own', share: 1, away: 0 },
    { name: 'all but two of another agent', share: 0, away: 0 },
    { name: 'the same, 30 % away', share: 0, away: 0.3 },
  ];
  for (const { name, share, away } of shapes) {
    const count = Math.max(2, Math.floor(users * share));
    const costs = Array.from({ length: 5 }, () => measure(users, count, away, arrivals)).sort(
      (a, b) => a - b,
    );
    const [lowest = 0, , median = 0, , highest = 0] = costs;
    console.log(`  ${name.padEnd(30)}${median.toFixed(1)} (${lowest.toFixed(1)} to ${highest.toFixed(1)})`);
  }
}

/** @param count users of the agent that is measured */
function measure(users: number, count: number, away: number, arrivals: number): number {
  const nothing = (): undefined => undefined;
  const clients: PresentClients = {
    hasPartner: () => true,
    isOnline: () => true,
    sendAway: nothing,
    cut: nothing,
    pause: nothing,
    resume: nothing,
  };
  const population = { firstUser: 1, count: users };
  const plan = { seed: 1, firstUser: 1, count, population, messages: MESSAGES, groups: null };
  const clock = new ScenarioClock();
  const presence = new Presence(plan, clients, { enqueue: nothing }, clock);
  const schedule = new Schedule(plan, presence, clock);
  const durationMs = (arrivals / RATE) * 1000;
  const phase: Phase = {
    name: 'talk',
    durationMs,
    messageRate: RATE,
    away,
    churnRate: 0,
    awayForMs: 0,
    cut: 0,
  };
  let due = 0;
  const send = (): void => {
    due += 1;
  };
  schedule.beginPhase(phase, 0, send);
  const before = process.cpuUsage();
  for (let now = 1; now <= durationMs; now += 1) schedule.take(now, send);
  const { user, system } = process.cpuUsage(before);
  if (count === users && due < arrivals * 0.9)
    throw new Error(`only ${due} of ${arrivals} messages fell due`);
  return ((user + system) * 1000) / arrivals;
}
