import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placeOf, sourcesOf } from '../../loadgen/agent/connector.js';
import type { AgentPlan } from '../../loadgen/agent-messages.js';
import { phaseShare, planAgents } from '../../loadgen/plan.js';
import { CONNECTIONS_PER_SOURCE } from '../../loadgen/source-addresses.js';
import type { ExternalTarget } from '../../scenarios/scenario.js';
import { planHost } from '../support/hosts.js';
import { testScenario } from '../support/run.js';

const endpoints = [{ protocol: 'tcp' as const, host: '127.0.0.1', port: 4000 }];
const driver = { name: 'c2m', settings: { credentials: null } };
const facts = { endpoints, hosts: [planHost({ serverWorkers: 1 })], driver, run: 1 };

function scenarioOf(count: number, agents: number | 'auto' = 'auto') {
  return testScenario((scenario) => {
    scenario.clients.count = count;
    scenario.clients.connectRate = 1000;
    scenario.generator.agents = agents;
  });
}

describe('a plan', () => {
  test('takes over packets a server that the lab starts, wherever on this host its addresses say', () => {
    const overPackets = (...addresses: string[]) =>
      testScenario((scenario) => {
        scenario.generator.transport = 'packets';
        const { processes: _, ...addressed } = scenario.target as ExternalTarget;
        const command = { run: ['server'], cwd: '.', env: {}, readyWithinMs: 1, stopWithinMs: 1 };
        scenario.target = { ...addressed, kind: 'command', command, addresses };
      });
    const onDevice = { ...facts, endpoints: [{ protocol: 'ws' as const, host: '10.0.0.1', port: 4000 }] };
    const plans = planAgents(overPackets('ws://0.0.0.0:4000/x', 'tcp://127.0.0.1:1'), onDevice);
    expect(plans[0]).toMatchObject({
      endpoints: onDevice.endpoints,
      isServerFresh: false,
    });
    for (const address of ['wss://0.0.0.0:4000', 'ws://192.0.2.7:4000'])
      expect(() => planAgents(overPackets(address), onDevice)).toThrow(
        /is not carried by packets; write tcp/,
      );
  });

  test('gives every user to one agent, keeps partners together, and divides the rates by clients', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 1, max: 30 }), (count, agents) => {
        fc.pre(count / agents <= 19_000);
        const plans = planAgents(scenarioOf(count, agents), facts);
        let nextUser = 1;
        for (const plan of plans) {
          expect(plan.firstUser).toBe(nextUser);
          expect(plan.count).toBeGreaterThan(0);
          expect(plan.count).toBeLessThanOrEqual(19_000 + 1);
          if (plan !== plans.at(-1)) expect(plan.count % 2).toBe(0);
          nextUser += plan.count;
        }
        expect(nextUser).toBe(count + 1);
        expect(plans.reduce((sum, plan) => sum + plan.connectRate, 0)).toBeCloseTo(1000, 6);
      }),
    );
  });

  test('keeps groups together as well, and pairs within them or across two', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5000 }),
        fc.integer({ min: 2, max: 300 }),
        fc.integer({ min: 1, max: 8 }),
        (count, members, agents) => {
          const scenario = scenarioOf(count, agents);
          scenario.groups = { members, share: 1 };
          const plans = planAgents(scenario, facts);
          for (const plan of plans.slice(0, -1)) {
            expect(plan.count % 2).toBe(0);
            expect(plan.count % members).toBe(0);
          }
          for (const plan of plans) expect(plan.count).toBeGreaterThan(0);
          expect(plans.reduce((sum, plan) => sum + plan.count, 0)).toBe(count);
        },
      ),
    );
  });

  test('takes as many agents as the open-file limit asks for', () => {
    expect(planAgents(scenarioOf(5000), facts)).toHaveLength(1);
    expect(planAgents(scenarioOf(50_000), facts)).toHaveLength(3);
    expect(planAgents(scenarioOf(50_000), { ...facts, hosts: [planHost({ openFiles: null })] })).toHaveLength(
      1,
    );
  });

  test('takes the cores that the server leaves, for as many clients as are worth a process', () => {
    expect(
      planAgents(scenarioOf(10_000), { ...facts, hosts: [planHost({ cores: 8, serverWorkers: 2 })] }),
    ).toHaveLength(6);
    expect(
      planAgents(scenarioOf(500), { ...facts, hosts: [planHost({ cores: 8, serverWorkers: 1 })] }),
    ).toHaveLength(1);
  });

  test('refuses fewer agents than the clients need, before anything starts', () => {
    expect(() => planAgents(scenarioOf(50_000, 1), facts)).toThrow(
      /cannot hold 50000 clients .* write 3 or more/,
    );
  });

  test('refuses a target on another machine unless the scenario allows it', () => {
    const elsewhere = { ...facts, endpoints: [{ protocol: 'tcp' as const, host: '192.0.2.7', port: 4000 }] };
    expect(() => planAgents(scenarioOf(10), elsewhere)).toThrow('add the host to target.allow');
    const allowed = testScenario((scenario) => {
      scenario.target = { ...scenario.target, allow: ['192.0.2.7'] } as typeof scenario.target;
    });
    const [plan] = planAgents(allowed, elsewhere);
    // The kernel chooses the source for what is not loopback.
    expect(sourcesOf(plan as AgentPlan)).toEqual([]);
  });

  test('dials from enough loopback addresses, which no two agents or successive runs share', () => {
    const plans = planAgents(scenarioOf(60_000), facts);
    const next = planAgents(scenarioOf(60_000), { ...facts, run: 2 });
    const sources = [...plans, ...next].flatMap(sourcesOf);
    expect(new Set(sources).size).toBe(sources.length);
    for (const source of sources) expect(source).toMatch(/^127\.\d+\.\d+\.\d+$/);
    for (const plan of plans) {
      expect(sourcesOf(plan).length * CONNECTIONS_PER_SOURCE).toBeGreaterThanOrEqual(plan.count);
    }
  });

  test('the shares of a phase add up to the phase', () => {
    const [phase] = scenarioOf(10).phases;
    const plans = planAgents(scenarioOf(12_345, 7), facts);
    const shares = plans.map(({ count }) => phaseShare({ ...phase!, churnRate: 10 }, count, 12_345));
    expect(shares.reduce((sum, { messageRate }) => sum + messageRate, 0)).toBeCloseTo(200, 6);
    expect(shares.reduce((sum, { churnRate }) => sum + churnRate, 0)).toBeCloseTo(10, 6);
  });
});

describe('the place of a client among the endpoints', () => {
  test('gives each endpoint its share of the clients, give or take a burst', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 1, max: 150 }),
        (clients, endpoints) => {
          const counts = new Array<number>(endpoints).fill(0);
          for (let client = 0; client < clients; client += 1) {
            const place = placeOf(client, clients, endpoints);
            counts[place] = (counts[place] ?? 0) + 1;
          }
          expect(counts).toHaveLength(endpoints);
          for (const count of counts) expect(count).toBeLessThanOrEqual(Math.ceil(clients / endpoints) + 64);
        },
      ),
      { numRuns: 50 },
    );
  });
});
