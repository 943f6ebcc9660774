import { expect, test } from 'vitest';
import { Agent } from '../../../loadgen/agent/agent.js';
import { IntervalHistograms } from '../../../loadgen/agent/interval-histograms.js';
import { Population } from '../../../loadgen/agent/population.js';
import type { AgentPlan, AgentSample } from '../../../loadgen/agent-messages.js';
import { loadDriver } from '../../../loadgen/drivers/load-driver.js';
import { monotonicMs } from '../../../loadgen/monotonic-clock.js';
import { planAgents } from '../../../loadgen/plan.js';
import type { Transport } from '../../../loadgen/transports/transport.js';
import { encodeFrame } from '../../../protocol/encode.js';
import { FrameType } from '../../../protocol/frame.js';
import { planHost } from '../../support/hosts.js';
import { testScenario } from '../../support/run.js';

const ENDPOINT = { protocol: 'tcp', host: '127.0.0.1', port: 1 } as const;
const WELCOME = encodeFrame({ type: FrameType.Welcome, waiting: 0, window: 64, firstId: 0 });

const driver = await loadDriver('c2m');

function agentPlan(): AgentPlan {
  const [plan] = planAgents(testScenario(), {
    endpoints: [ENDPOINT],
    hosts: [planHost({ cores: 1 })],
    driver: { name: 'c2m', settings: { credentials: null } },
    run: 1,
  });
  return plan as AgentPlan;
}

/** A population whose clients log in and leave when they are told to. */
function quietPopulation(): {
  population: Population;
  logIn(client: number): void;
  drop(client: number): void;
} {
  const nothing = () => undefined;
  const population = new Population(agentPlan(), driver, new IntervalHistograms('connect'), {
    loggedIn: nothing,
    failed: nothing,
    ended: nothing,
  });
  const transport: Transport = { open: nothing, send: () => true, end: nothing, cut: nothing };
  population.use(transport);
  return {
    population,
    logIn: (client) => {
      population.connect(client, ENDPOINT, undefined);
      population.opened(client);
      population.received(client, WELCOME);
    },
    drop: (client) => population.closed(client, 'ECONNRESET'),
  };
}

test('an agent tells how many clients it had at most and at least, at any moment of the second', () => {
  const { population, logIn, drop } = quietPopulation();
  for (let client = 0; client < 10; client += 1) logIn(client);
  for (let client = 0; client < 4; client += 1) drop(client);
  expect(population.takeExtremes()).toEqual({ openPeak: 10, openLow: 0 });
  drop(4);
  for (let client = 0; client < 3; client += 1) logIn(client);
  expect(population.takeExtremes()).toEqual({ openPeak: 8, openLow: 5 });
  expect(population.takeExtremes()).toEqual({ openPeak: 8, openLow: 8 });
});

test('an agent that was stalled tells of the time that it missed, and goes on with the next second', async () => {
  const samples: AgentSample[] = [];
  let hasTwo: () => void = () => undefined;
  const two = new Promise<void>((resolve) => {
    hasTwo = resolve;
  });
  const agent = new Agent(agentPlan(), driver, (message) => {
    if (message.kind !== 'sample') return;
    samples.push(message.sample);
    if (samples.length === 2) hasTwo();
  });
  const startMs = monotonicMs();
  agent.obey({ kind: 'connect', atMs: startMs });
  const cpuBefore = process.cpuUsage();
  for (const untilMs = startMs + 2300; monotonicMs() < untilMs; );
  const { user, system } = process.cpuUsage(cpuBefore);
  await two;
  agent.obey({ kind: 'finish' });
  const [stalled, next] = samples as [AgentSample, AgentSample];
  expect(stalled.fromMs).toBe(startMs);
  expect(stalled.toMs - startMs).toBeGreaterThan(2300);
  expect(next.fromMs).toBe(stalled.toMs);
  expect((next.toMs - startMs) / 1000).toBeCloseTo(Math.ceil((stalled.toMs - startMs) / 1000), 6);
  // It was stalled by its own work, however much of a core a busy machine left to that.
  expect(stalled.cpuSeconds).toBeGreaterThan(0.9 * ((user + system) / 1e6));
});

test('an agent goes on at another rate from the moment on that it is told for, until the phase is over', async () => {
  const startMs = monotonicMs();
  const due = await new Promise<number>((resolve) => {
    let sum = 0;
    const agent = new Agent(agentPlan(), driver, (message) => {
      if (message.kind === 'final') resolve(sum);
      if (message.kind !== 'sample') return;
      sum += message.sample.due;
      if (message.sample.toMs - startMs >= 2000) agent.obey({ kind: 'finish' });
    });
    const phase = { durationMs: 800, messageRate: 0, away: 0, churnRate: 0, awayForMs: 0, cut: 0 };
    agent.obey({ kind: 'connect', atMs: startMs });
    agent.obey({ kind: 'rate', messageRate: 1000, atMs: startMs + 500 });
    agent.obey({ kind: 'phase', phase: { ...phase, name: 'silence' }, atMs: startMs });
    agent.obey({ kind: 'phase', phase: { ...phase, name: 'more of it' }, atMs: startMs + 800 });
  });
  // Evenly spaced: 300 ms at 1,000 a second, and none of the next phase.
  expect(due).toBeGreaterThanOrEqual(299);
  expect(due).toBeLessThanOrEqual(300);
});
