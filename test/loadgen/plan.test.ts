import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placeApart, placeOf, sourcesOf } from '../../loadgen/agent/connector.js';
import type { AgentPlan } from '../../loadgen/agent-messages.js';
import { type PlanHost, planAgents } from '../../loadgen/plan.js';
import { CONNECTIONS_PER_SOURCE } from '../../loadgen/source-addresses.js';
import type { ExternalTarget, Scenario } from '../../scenarios/scenario.js';
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

  test('sends packets from other machines to a server that listens already, at an address that may be loaded', () => {
    const elsewhere = [planHost({ id: 'a', cores: 4 }), planHost({ id: 'b', cores: 4 })];
    const overPackets = (allow: string[]) =>
      testScenario((scenario) => {
        scenario.generator = { ...scenario.generator, transport: 'packets', agents: 2 };
        scenario.target = { ...scenario.target, allow } as ExternalTarget;
      });
    const at = (protocol: 'tcp' | 'tls', host: string) => ({
      ...facts,
      hosts: elsewhere,
      endpoints: [{ protocol, host, port: 4000 }],
    });
    const plans = planAgents(overPackets(['192.0.2.7']), at('tcp', '192.0.2.7'));
    expect(plans.map(({ host, transport }) => [host, transport])).toEqual([
      ['a', 'packets'],
      ['b', 'packets'],
    ]);
    expect(() => planAgents(overPackets([]), at('tcp', '192.0.2.7'))).toThrow('add the host to target.allow');
    const refused = (protocol: 'tcp' | 'tls', host: string) => () =>
      planAgents(overPackets([host]), at(protocol, host));
    expect(refused('tls', '192.0.2.7')).toThrow('is not over tcp or ws');
    expect(refused('tcp', '2001:db8::7')).toThrow('has no IPv4 address');
    expect(refused('tcp', '127.0.0.1')).toThrow('is on each machine its own loopback');
    expect(refused('tcp', '198.19.0.1')).toThrow('is within 198.18.0.0/15, where the clients are');
    const embedded = testScenario((scenario) => {
      scenario.generator.transport = 'packets';
      scenario.target = { kind: 'embedded', protocol: 'tcp', workers: 1, store: 'memory', settings: {} };
    });
    expect(() => planAgents(embedded, { ...at('tcp', '192.0.2.7') })).toThrow(
      'takes a target that listens already',
    );
  });

  test('has no more packet agents than there are subnets, on however many machines', () => {
    const many = Array.from({ length: 50 }, (_, id) => planHost({ id: String(id), cores: 8 }));
    const scenario = testScenario((each) => {
      each.clients.count = 1_000_000;
      each.generator = { ...each.generator, transport: 'packets', agents: 'auto' };
      each.target = { ...each.target, allow: ['192.0.2.7'] } as ExternalTarget;
    });
    const server = [{ protocol: 'tcp' as const, host: '192.0.2.7', port: 4000 }];
    const plans = planAgents(scenario, { ...facts, hosts: many, endpoints: server });
    expect(plans).toHaveLength(32);
    expect(plans.reduce((sum, { count }) => sum + count, 0)).toBe(1_000_000);
  });

  test('tells every agent the seed and the users of all of them, so that they agree on what falls due', () => {
    const plans = planAgents(scenarioOf(60_000, 7), facts);
    expect(plans).toHaveLength(7);
    for (const plan of plans)
      expect(plan).toMatchObject({ seed: 1, population: { firstUser: 1, count: 60_000 } });
  });

  test('gives every user to one agent, keeps partners together, and divides the connects by clients', () => {
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
    expect(
      planAgents(scenarioOf(50_000), { ...facts, hosts: [planHost({ openFiles: null, serverWorkers: 1 })] }),
    ).toHaveLength(1);
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
});

describe('a plan for several hosts', () => {
  const remote = { protocol: 'tcp' as const, host: '192.0.2.7', port: 4000 };
  /** Against another machine, over sockets. */
  function remoteScenario(count: number, change: (scenario: Scenario) => void = () => undefined): Scenario {
    return testScenario((scenario) => {
      scenario.clients.count = count;
      scenario.generator.agents = 'auto';
      (scenario.target as ExternalTarget).allow = ['192.0.2.7', '192.0.2.8'];
      change(scenario);
    });
  }
  const planFor = (scenario: Scenario, hosts: PlanHost[], endpoints = [remote]) =>
    planAgents(scenario, { ...facts, endpoints, hosts });

  const anyHost = fc
    .record({
      cores: fc.integer({ min: 1, max: 64 }),
      openFiles: fc.option(fc.integer({ min: 1200, max: 50_000 })),
      availableBytes: fc.integer({ min: 100, max: 8000 }).map((mebibytes) => mebibytes * 1024 ** 2),
      ephemeralPorts: fc.option(fc.integer({ min: 1000, max: 60_000 })),
      freeFiles: fc.option(fc.integer({ min: 2000, max: 100_000 })),
    })
    .map((host) => planHost(host));
  const someHosts = fc
    .array(anyHost, { minLength: 1, maxLength: 8 })
    .map((hosts) => hosts.map((host, index) => ({ ...host, id: `h${index}`, name: `host-${index}` })));

  /** Clients that a host holds at most, said once more and simply. */
  function holds(host: PlanHost, addresses: number): number {
    const perProcess = host.openFiles === null ? Number.POSITIVE_INFINITY : host.openFiles - 1000;
    const process = 64 * 1024 ** 2;
    return Math.min(
      (host.ephemeralPorts ?? 28_232) * addresses,
      (host.freeFiles ?? Number.POSITIVE_INFINITY) - 1000,
      Math.max(0, (host.availableBytes * 0.85 - process) / (11 * 1024 + process / perProcess)),
    );
  }

  test('divides by spare cores, none past what it holds, or names each host with what bounds it', () => {
    fc.assert(
      fc.property(
        someHosts,
        fc.integer({ min: 1, max: 300_000 }),
        fc.option(fc.record({ members: fc.integer({ min: 2, max: 9 }), share: fc.constant(0.5) })),
        fc.integer({ min: 1, max: 3 }),
        (hosts, count, groups, addresses) => {
          const scenario = remoteScenario(count, (each) => {
            each.groups = groups;
          });
          const endpoints = Array.from({ length: addresses }, (_, index) => ({
            ...remote,
            port: 4000 + index,
          }));
          const together = groups ? (groups.members % 2 === 0 ? groups.members : 2 * groups.members) : 2;
          const blocks = Math.ceil(count / together);
          const held = hosts.map((host) => holds(host, addresses));
          const room = held.map((most) => (most >= count ? blocks : Math.floor(Math.floor(most) / together)));
          if (room.reduce((sum, most) => sum + most, 0) < blocks) {
            for (const { name } of hosts.slice(0, blocks))
              expect(() => planFor(scenario, hosts, endpoints)).toThrow(`${name} holds `);
            return;
          }
          const plans = planFor(scenario, hosts, endpoints);
          // Agents of a host are neighbours, whole blocks each, within the files of a process.
          const order = plans.map(({ host }) => Number(host.slice(1)));
          expect(order).toEqual([...order].sort((one, other) => one - other));
          let nextUser = 1;
          plans.forEach((plan, agent) => {
            expect(plan.agent).toBe(agent);
            expect(plan.firstUser).toBe(nextUser);
            expect(plan.count).toBeGreaterThan(0);
            if (agent < plans.length - 1) expect(plan.count % together).toBe(0);
            const { openFiles } = hosts[order[agent] as number] as PlanHost;
            if (openFiles !== null)
              expect(plan.count).toBeLessThanOrEqual(Math.max(together, openFiles - 1000));
            nextUser += plan.count;
          });
          expect(nextUser).toBe(count + 1);
          const share = hosts.map((_, index) =>
            plans.reduce((sum, { host, count: own }) => sum + (host === `h${index}` ? own : 0), 0),
          );
          share.forEach((clients, index) => {
            expect(clients).toBeLessThanOrEqual(held[index] as number);
          });
          // Whoever has room left has no less a core than anybody else, give or take a block.
          hosts.forEach((host, index) => {
            if (blocks < hosts.length) return;
            const isFull = (share[index] as number) + together > (room[index] as number) * together;
            if (isFull) return;
            const own = (share[index] as number) + 2 * together;
            hosts.forEach((other, at) => {
              expect(((share[at] as number) - 2 * together) / other.cores).toBeLessThanOrEqual(
                own / host.cores,
              );
            });
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  test('puts no more on a host than there are ports to each address of the target', () => {
    const hosts = [planHost({ id: 'a', name: 'a', cores: 32 }), planHost({ id: 'b', name: 'b', cores: 2 })];
    const on = (host: string, plans: AgentPlan[]) =>
      plans.reduce((sum, plan) => sum + (plan.host === host ? plan.count : 0), 0);
    const plans = planFor(remoteScenario(50_000), hosts);
    expect([on('a', plans), on('b', plans)]).toEqual([28_232, 50_000 - 28_232]);
    const two = planFor(remoteScenario(50_000), hosts, [remote, { ...remote, host: '192.0.2.8' }]);
    expect(on('a', two)).toBe(47_058);
    expect(() => planFor(remoteScenario(60_000), hosts)).toThrow(
      'clients.count: 60,000 are more than there is room for: ' +
        'a holds 28,232 (ephemeral ports: 28,232 for each of 1 address); ' +
        'b holds 28,232 (ephemeral ports: 28,232 for each of 1 address); ' +
        'name more addresses of the target, or widen net.ipv4.ip_local_port_range, take more machines, or write fewer clients',
    );
  });

  test('knows no ports on loopback, and none over packets', () => {
    const hosts = [planHost()];
    expect(planFor(remoteScenario(100_000), hosts, [{ ...remote, host: '127.0.0.1' }])).toHaveLength(6);
    const overPackets = testScenario((scenario) => {
      scenario.clients.count = 1_000_000;
      scenario.generator = { ...scenario.generator, transport: 'packets', agents: 'auto' };
      scenario.target = { ...scenario.target, kind: 'embedded', protocol: 'tcp' } as Scenario['target'];
    });
    expect(planAgents(overPackets, { ...facts, endpoints: [], hosts })).toHaveLength(1);
  });

  test('gives memory and files as the reason where those are short', () => {
    const small = planHost({ name: 'small', availableBytes: 200 * 1024 ** 2 });
    expect(() => planFor(remoteScenario(20_000), [small])).toThrow(
      /small holds [\d,]+ \(memory: 0\.2 GiB available, \d+ bytes a client\); lend machines with more memory/,
    );
    const few = planHost({ name: 'few', freeFiles: 5000 });
    expect(() => planFor(remoteScenario(20_000), [few])).toThrow(
      'few holds 4,000 (files of the whole system: 5,000 are free); raise fs.file-max',
    );
  });

  test('makes as many agents as the scenario says, where each has the most to do', () => {
    const hosts = ['a', 'b', 'c'].map((id, index) => planHost({ id, name: id, cores: 2 + 2 * index }));
    const agentsOf = (agents: number) =>
      planFor(
        remoteScenario(24_000, (scenario) => {
          scenario.generator.agents = agents;
        }),
        hosts,
      )
        .map(({ host }) => host)
        .join('');
    expect(agentsOf(6)).toBe('abbccc');
    expect(agentsOf(3)).toBe('abc');
    // Fewer agents than machines: the first of them, which hold most.
    expect(agentsOf(2)).toBe('ab');
  });
});

describe('partners', () => {
  const nodes = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      protocol: 'tcp' as const,
      host: '127.0.0.1',
      port: 4000 + index,
    }));

  test('are to be at different addresses where a target has several, and not at the workers of our own server', () => {
    const [external] = planAgents(scenarioOf(10), { ...facts, endpoints: nodes(3) });
    expect(external?.partnersApart).toBe(true);
    expect(planAgents(scenarioOf(10), facts)[0]?.partnersApart).toBe(false);
    const embedded = testScenario((scenario) => {
      scenario.target = { ...scenario.target, kind: 'embedded', protocol: 'tcp' } as Scenario['target'];
    });
    expect(planAgents(embedded, { ...facts, endpoints: nodes(3) })[0]?.partnersApart).toBe(false);
  });

  test('are at different nodes of a cluster that has yet to be started', () => {
    const clusterOf = (count: number) =>
      testScenario((scenario) => {
        const cluster = { nodes: count, nats: 3, replicas: 3, homes: 64 } as const;
        scenario.target = {
          kind: 'embedded',
          protocol: 'tcp',
          workers: 1,
          store: 'lmdb',
          cluster,
          settings: {},
        };
      });
    const apartOf = (count: number) =>
      planAgents(clusterOf(count), { ...facts, endpoints: [] })[0]?.partnersApart;
    expect([apartOf(3), apartOf(1)]).toEqual([true, false]);
  });

  test('dial different endpoints, each pair of which is talked over, and each takes its share', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 2, max: 40 }),
        (clients, endpoints) => {
          const counts = new Array<number>(endpoints).fill(0);
          const ways = new Set<string>();
          for (let client = 0; client < clients; client += 1) {
            const place = placeApart(client, clients, endpoints);
            counts[place] = (counts[place] as number) + 1;
            if (client % 2 === 0) continue;
            const partner = placeApart(client - 1, clients, endpoints);
            ways.add(`${partner} ${place}`);
          }
          for (const way of ways) expect(new Set(way.split(' ')).size).toBe(2);
          expect(counts).toHaveLength(endpoints);
          for (const count of counts)
            expect(count).toBeLessThanOrEqual(Math.ceil(clients / endpoints) + 2 * 64);
          if (clients > endpoints * endpoints * 2 * 64) expect(ways.size).toBe(endpoints * (endpoints - 1));
        },
      ),
      { numRuns: 40 },
    );
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
