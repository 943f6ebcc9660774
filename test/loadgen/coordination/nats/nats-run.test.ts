import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { AgentPlan } from '../../../../loadgen/agent-messages.js';
import { AgentPool, type PoolListener } from '../../../../loadgen/coordination/agent-pool.js';
import { planAgents } from '../../../../loadgen/plan.js';
import type { RunHandle } from '../../../../loadgen/run.js';
import { readTimeline } from '../../../../record/folder.js';
import { type Measurement, runRecordSchema } from '../../../../record/run.js';
import { contradictions } from '../../../../record/sums.js';
import { judge } from '../../../../record/verdict.js';
import type { Scenario } from '../../../../scenarios/scenario.js';
import { type RunningCommand, startC2m } from '../../../cli/c2m.js';
import { planHostOf } from '../../../support/hosts.js';
import {
  announce,
  coordinate,
  lendMachine,
  type TestCoordinator,
  urlOf,
} from '../../../support/lent-machines.js';
import { type NatsServer, startNatsServer } from '../../../support/nats-server.js';
import { testRun, testScenario } from '../../../support/run.js';
import { addressOf, testServer } from '../../../support/server.js';

const NO_LISTENER: PoolListener = { sample: () => undefined, lost: () => undefined };
/** c2m of these processes is built, and says its own version. */
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

function scenarioOf(change: (scenario: Scenario) => void = () => undefined): Scenario {
  return testScenario((scenario) => {
    scenario.generator.agents = 2;
    scenario.phases = scenario.phases.map((phase) => ({ ...phase, durationMs: 3000, messageRate: 100 }));
    change(scenario);
  });
}

/** A machine that is lent by a process of its own. */
async function lendByProcess(server: NatsServer, name: string): Promise<RunningCommand> {
  const command = startC2m('agent', '--nats', urlOf(server), '--name', name);
  await command.said(/ lends /);
  return command;
}

function runOver(
  { coordinator }: TestCoordinator,
  scenario: Scenario,
  server: Awaited<ReturnType<typeof testServer>>,
) {
  return testRun(scenario, addressOf(server), server.adminUrl, null, null, undefined, coordinator);
}

/** Does it once, when messages are sent. */
function whenTalking(run: RunHandle, act: () => void): void {
  let isDone = false;
  run.on('sample', ({ messages }) => {
    if (isDone || messages.sent === 0) return;
    isDone = true;
    act();
  });
}

/** What the kernel calls the processes that this one has begun, and those that they have. */
function processesUnder(pid: number): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const text = readFileSync(`/proc/${entry}/stat`, 'utf8');
        const [, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
        return Number(parent) === pid ? [Number(entry), ...processesUnder(Number(entry))] : [];
      } catch {
        return [];
      }
    });
}

/** Keys of all objects in it, by their paths; those of a dictionary are the run's own. */
function shapeOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, each]) => shapeOf(each, `${path}.${key}`));
}

describe('a run over two machines', () => {
  test('leaves the record that a run on one leaves: same shape, same messages, and its sums hold', async () => {
    const [server, nats] = [await testServer(), await startNatsServer()];
    for (const name of ['a', 'b']) await lendMachine(nats, name);
    const there = await runOver(await coordinate(nats), scenarioOf(), server);
    const remote = await there.measurement;
    const here = await testRun(scenarioOf(), addressOf(server), server.adminUrl);
    const local = await here.measurement;

    expect(runRecordSchema.safeParse(judge(remote, [])).error).toBeUndefined();
    expect(contradictions(remote)).toEqual([]);
    expect(remote.notes).toEqual([]);
    expect(remote.isPartial).toBe(false);
    expect(remote.generator).toMatchObject({ agents: 2, valid: true });
    expect(remote.connections).toMatchObject({ peak: 40, failed: 0, dropped: 0 });
    const parts = ['connections', 'messages', 'latency', 'generator', 'phases'] as const;
    for (const part of parts) expect(shapeOf(remote[part])).toEqual(shapeOf(local[part]));
    // Both divide the same population among two agents, so the same falls due.
    for (const count of ['due', 'sent', 'accepted', 'delivered', 'receipted', 'lost', 'duplicated'] as const)
      expect(remote.messages[count], count).toBe(local.messages[count]);
    expect(remote.phases.map(({ name }) => name)).toEqual(['connect', 'talk', 'drain']);

    const timeline = await readTimeline(there.folder);
    const sum = (count: 'sent' | 'delivered' | 'receipted'): number =>
      timeline.reduce((total, { messages }) => total + messages[count], 0);
    for (const count of ['sent', 'delivered', 'receipted'] as const)
      expect(sum(count)).toBe(remote.messages[count]);
    // Samples of both machines fall on the same seconds, which are the coordinator's.
    expect(timeline.slice(0, -1).map(({ t }) => t)).toEqual(
      timeline.slice(0, -1).map((_, index) => index + 1),
    );
  });

  test('connects partners within one agent, and each to the share that its machine holds', async () => {
    const [server, nats] = [await testServer(), await startNatsServer()];
    for (const name of ['a', 'b']) await lendMachine(nats, name);
    const { coordinator } = await coordinate(nats);
    const hosts = await coordinator.hosts();
    const scenario = scenarioOf();
    const plans = plansFor(scenario, hosts.map(planHostOf), addressOf(server));
    expect(plans.map(({ host }) => host)).toEqual(hosts.map(({ id }) => id));
    expect(plans.map(({ count }) => count)).toEqual([20, 20]);
  });

  test('knows by how much their clocks moved, and how well it knows that', async () => {
    const [server, nats] = [await testServer(), await startNatsServer()];
    for (const name of ['a', 'b']) await lendMachine(nats, name);
    const test = await coordinate(nats);
    await (await runOver(test, scenarioOf(), server)).measurement;
    for (const { clock } of await test.coordinator.hosts()) {
      expect(Math.abs(clock?.offsetMs ?? Number.NaN)).toBeLessThanOrEqual(clock?.uncertaintyMs as number);
      // The same clock, so what moves is within twice what it is known by.
      expect(Math.abs(clock?.driftMs ?? Number.NaN)).toBeLessThanOrEqual(
        2 * (clock?.uncertaintyMs as number),
      );
    }
  });

  test('is ended by an interruption within seconds, is partial, and frees the machines', async () => {
    const [server, nats] = [await testServer(), await startNatsServer()];
    const machines = [await lendMachine(nats, 'a'), await lendMachine(nats, 'b')];
    const scenario = scenarioOf((each) => {
      each.phases = each.phases.map((phase) => ({ ...phase, durationMs: 60_000 }));
    });
    const run = await runOver(await coordinate(nats), scenario, server);
    whenTalking(run, () => run.interrupt());
    const measurement = await run.measurement;
    expect(measurement.isPartial).toBe(true);
    expect(measurement.messages).toMatchObject({ lost: 0 });
    expect(measurement.durationSeconds).toBeLessThan(20);
    for (const { machine } of machines) expect(machine.announcement.busy).toBeNull();
  });

  test('asks from one of them whether something listens, and says so where nothing does', async () => {
    const nats = await startNatsServer();
    await lendMachine(nats, 'a');
    const { coordinator } = await coordinate(nats);
    const [host] = (await coordinator.hosts()).map(planHostOf);
    const endpoint = { protocol: 'tcp', host: '127.0.0.1', port: 1 } as const;
    const plans = plansFor(scenarioOf(), [host as ReturnType<typeof planHostOf>], endpoint);
    (plans[0] as AgentPlan).asksFirst = true;
    const pool = new AgentPool(coordinator, plans, NO_LISTENER);
    await expect(pool.prepare()).rejects.toThrow(
      /not every agent can begin: agent 0 on a cannot go on: nothing listens at tcp:\/\/127.0.0.1:1 \(ECONNREFUSED\)/,
    );
  });
});

function plansFor(
  scenario: Scenario,
  hosts: ReturnType<typeof planHostOf>[],
  endpoint: { protocol: 'tcp'; host: string; port: number } | ReturnType<typeof addressOf>,
): AgentPlan[] {
  return planAgents(scenario, {
    endpoints: [endpoint],
    hosts,
    driver: { name: 'c2m', settings: { credentials: null } },
    run: Math.floor(Date.now() / 1000),
  });
}

describe('before a run begins', () => {
  test('who is not ready in time is named, and what those said that do not take their part', async () => {
    const nats = await startNatsServer();
    await lendMachine(nats, 'willing');
    await announce(nats, { id: 'silent', name: 'silent' });
    const { coordinator } = await coordinate(nats);
    const hosts = (await coordinator.hosts()).map(planHostOf);
    expect(hosts).toHaveLength(2);
    const elsewhere = { protocol: 'tcp', host: '203.0.113.9', port: 4000 } as const;
    const scenario = scenarioOf((each) => {
      if (each.target.kind === 'external') each.target.allow = [elsewhere.host];
    });
    const pool = new AgentPool(coordinator, plansFor(scenario, hosts, elsewhere), NO_LISTENER);
    const message = await pool.prepare(1500).catch((error: Error) => error.message);
    expect(message).toMatch(/^not every agent can begin: /);
    expect(message).toMatch(/agent \d on willing ended \(.*203\.0\.113\.9.*--allow.*\)/);
    expect(message).toMatch(/agent \d on silent was not ready after 1\.\d s/);
  });

  test('a machine that vanished since it was taken is named', async () => {
    const nats = await startNatsServer();
    const lender = await lendByProcess(nats, 'fleeting');
    const { coordinator } = await coordinate(nats, {}, { version });
    const hosts = (await coordinator.hosts()).map(planHostOf);
    lender.kill('SIGKILL');
    await lender.ended;
    const plans = plansFor(scenarioOf(), hosts, { protocol: 'tcp', host: '127.0.0.1', port: 4000 });
    const pool = new AgentPool(coordinator, plans, NO_LISTENER);
    await expect(pool.prepare()).rejects.toThrow(
      /agents 0, 1 on fleeting ended \(host fleeting was not heard for 4\.\d s\)/,
    );
  });
});

describe('a machine that vanishes in the midst of a run', () => {
  /** @returns the measurement, and how long after the kill the first loss was noticed, by the run's own marks */
  async function runAndKill(lost: Scenario['agents']['lost']): Promise<{
    measurement: Measurement;
    secondsAfter: number;
  }> {
    const [server, nats] = [await testServer(), await startNatsServer()];
    await lendMachine(nats, 'steady', { version });
    const victim = await lendByProcess(nats, 'fleeting');
    const scenario = scenarioOf((each) => {
      each.agents.lost = lost;
      each.phases = each.phases.map((phase) => ({ ...phase, durationMs: 10_000 }));
    });
    const test = await coordinate(nats, {}, { version });
    const run = await runOver(test, scenario, server);
    let killedMs = Number.NaN;
    let agents: number[] = [];
    whenTalking(run, () => {
      agents = processesUnder(victim.pid);
      victim.kill('SIGKILL');
      killedMs = performance.now();
    });
    let noticedMs = Number.NaN;
    run.on('phase', ({ name }) => {
      if (name === 'drain') noticedMs = performance.now();
    });
    const measurement = await run.measurement;
    expect(agents.length).toBeGreaterThan(0);
    // None of its agents outlives it.
    await expect.poll(() => agents.filter((pid) => isAlive(pid))).toEqual([]);
    return { measurement, secondsAfter: (noticedMs - killedMs) / 1000 };
  }

  test('ends it within 5 s, named, and the run is invalid', async () => {
    const { measurement, secondsAfter } = await runAndKill('invalidate');
    expect(secondsAfter).toBeGreaterThan(3);
    // As the fault says, it was silent for less than 5 s; what is more is this test's own, on a machine that is busy.
    expect(secondsAfter).toBeLessThan(7);
    const { verdict, generator } = judge(measurement, []);
    expect(verdict).toBe('invalid');
    expect(generator.faults).toContainEqual(
      expect.stringMatching(
        /^agent \d on fleeting was lost at [\d.]+ s: ended \(host fleeting was not heard for 4\.\d s\)$/,
      ),
    );
    expect(runRecordSchema.safeParse(judge(measurement, [])).error).toBeUndefined();
  });

  test('does not end it where that is tolerated: what remains goes on, and nothing waits for what is gone', async () => {
    const { measurement, secondsAfter } = await runAndKill('tolerate');
    expect(secondsAfter).toBeGreaterThan(6);
    expect(measurement.isPartial).toBe(false);
    expect(measurement.phases.map(({ name }) => name)).toEqual(['connect', 'talk', 'drain']);
    expect(measurement.notes[0]).toMatch(
      /^agent \d on fleeting was lost at [\d.]+ s: ended \(host fleeting was not heard/,
    );
    // Half of 1000 messages were those of the other.
    expect(measurement.messages.delivered).toBeGreaterThanOrEqual(498);
    // The drain was over when the other had nothing more under way.
    const drain = measurement.phases.at(-1);
    expect((drain?.endSeconds ?? 0) - (drain?.startSeconds ?? 0)).toBeLessThan(4);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a run whose NATS is started again', () => {
  test('goes on, and no sample is lost or counted twice', async () => {
    const [server, nats] = [await testServer(), await startNatsServer()];
    for (const name of ['a', 'b']) await lendMachine(nats, name);
    const scenario = scenarioOf((each) => {
      each.phases = each.phases.map((phase) => ({ ...phase, durationMs: 6000 }));
    });
    const run = await runOver(await coordinate(nats), scenario, server);
    whenTalking(run, () => void nats.kill().then(() => nats.start()));
    const measurement = await run.measurement;
    expect(measurement.notes).toEqual([]);
    expect(judge(measurement, []).verdict).toBe('passed');
    expect(contradictions(measurement)).toEqual([]);
    expect(measurement.messages).toMatchObject({ lost: 0, duplicated: 0 });
    const timeline = await readTimeline(run.folder);
    expect(timeline.reduce((total, { messages }) => total + messages.sent, 0)).toBe(
      measurement.messages.sent,
    );
  });

  test('and stays away, is invalid within seconds, and says who was lost', async () => {
    const [server, nats] = [await testServer(), await startNatsServer()];
    for (const name of ['a', 'b']) await lendMachine(nats, name);
    const scenario = scenarioOf((each) => {
      each.phases = each.phases.map((phase) => ({ ...phase, durationMs: 60_000 }));
    });
    const run = await runOver(await coordinate(nats), scenario, server);
    whenTalking(run, () => void nats.kill());
    const measurement = await run.measurement;
    expect(judge(measurement, []).verdict).toBe('invalid');
    expect(measurement.durationSeconds).toBeLessThan(20);
    for (const name of ['a', 'b'])
      expect(measurement.generator.faults).toContainEqual(
        expect.stringMatching(
          new RegExp(
            `on ${name} was lost at [\\d.]+ s: ended \\(host ${name} was not heard for [\\d.]+ s, as the coordinator`,
          ),
        ),
      );
  });
});
