import { describe, expect, test } from 'vitest';
import { contradictions } from '../../record/sums.js';
import { judge } from '../../record/verdict.js';
import { agentProcesses } from '../support/agent-processes.js';
import { testRun, testScenario } from '../support/run.js';
import { addressOf, testServer } from '../support/server.js';

/** A run of two agents, one of which is killed while messages are under way. */
async function runWithOneKilled(lost: 'invalidate' | 'tolerate') {
  const server = await testServer();
  const scenario = testScenario((each) => {
    each.generator.agents = 2;
    each.agents.lost = lost;
    // On a machine that has other things to do the generator is late, and this is about losses alone.
    each.generator.lagLimitMs = 60_000;
    each.phases = each.phases.map((phase) => ({ ...phase, durationMs: 4000, messageRate: 400 }));
  });
  const run = await testRun(scenario, addressOf(server), server.adminUrl);
  const agentsTold: { agents: number; hosts: number; lost: number }[] = [];
  run.on('agents', ({ agents, hosts, lost: gone }) => agentsTold.push({ agents, hosts, lost: gone.length }));
  let isKilled = false;
  run.on('sample', ({ messages }) => {
    const [victim] = agentProcesses();
    if (messages.sent === 0 || isKilled || victim === undefined) return;
    isKilled = true;
    process.kill(victim, 'SIGKILL');
  });
  return { measurement: await run.measurement, agentsTold };
}

describe('an agent that dies', () => {
  test('is named with its host, and its clients and messages are unknown, not missing and not lost', async () => {
    const { measurement, agentsTold } = await runWithOneKilled('invalidate');
    const { hosts, connections, messages, generator } = measurement;
    const [host] = hosts;
    const gone = host?.agents.find(({ lost }) => lost !== null);
    expect([hosts.length, host?.clock, host?.agents.length]).toEqual([1, null, 2]);
    expect(gone?.lost).toEqual({ atSeconds: expect.any(Number), why: 'ended (SIGKILL)' });
    expect(connections.unknown).toBe(20);
    expect(messages.lost).toBe(0);
    expect(messages.unknown).toBe((gone?.sent ?? 0) - (gone?.delivered ?? 0));
    expect(contradictions(measurement)).toEqual([]);
    expect(generator.valid).toBe(false);
    expect(generator.faults).toEqual([
      expect.stringMatching(/^agent \d on \S+ was lost at \d+\.\d s: ended \(SIGKILL\)$/),
    ]);
    expect(agentsTold).toEqual([
      { agents: 2, hosts: 1, lost: 0 },
      { agents: 2, hosts: 1, lost: 1 },
    ]);
  });

  test('is tolerated where the scenario says so: the run goes on and may pass, and says what remained', async () => {
    const { measurement } = await runWithOneKilled('tolerate');
    const { hosts, connections, messages, generator } = measurement;
    expect(measurement.isPartial).toBe(false);
    expect([generator.valid, generator.faults]).toEqual([true, []]);
    expect(connections.unknown).toBe(20);
    expect(messages).toMatchObject({ lost: 0, duplicated: 0 });
    expect(measurement.notes).toContainEqual(
      expect.stringMatching(
        /was lost at \d+\.\d s: ended \(SIGKILL\); 20 of 40 clients remained, and with them 50 % of every rate/,
      ),
    );
    expect(measurement.notes.join()).not.toContain('contradicts');
    expect(judge(measurement, []).verdict).toBe('passed');
    const stayed = hosts[0]?.agents.find(({ lost }) => lost === null);
    // 200 messages a second were its share to the end.
    expect(stayed?.delivered).toBeGreaterThanOrEqual(799);
  });
});

test('each agent of a run is on a line of its own, and their sums are those of the run', async () => {
  const server = await testServer();
  const scenario = testScenario((each) => {
    each.generator.agents = 3;
    each.clients.count = 60;
  });
  const { measurement } = await testRun(scenario, addressOf(server), server.adminUrl).then(async (run) => ({
    measurement: await run.measurement,
  }));
  const agents = measurement.hosts.flatMap((host) => host.agents);
  expect(
    agents.map(({ agent, firstUser, clients, peak, lost }) => [agent, firstUser, clients, peak, lost]),
  ).toEqual([
    [0, 1, 20, 20, null],
    [1, 21, 20, 20, null],
    [2, 41, 20, 20, null],
  ]);
  expect(agents.reduce((sum, { sent }) => sum + sent, 0)).toBe(200);
  expect(Math.max(...agents.map(({ lagMaxMs }) => lagMaxMs ?? 0))).toBe(measurement.generator.lagMs.max);
  for (const { privateBytesPeak, cpuCores } of agents) {
    expect(privateBytesPeak).toBeGreaterThan(2 ** 20);
    expect(cpuCores.mean).toBeGreaterThan(0);
  }
  expect(measurement.messages.unknown).toBe(0);
  expect(measurement.connections.unknown).toBe(0);
});
