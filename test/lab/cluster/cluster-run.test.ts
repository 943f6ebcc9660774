import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { EmbeddedCluster } from '../../../lab/cluster/embedded-cluster.js';
import { LocalAgents, thisHost } from '../../../loadgen/coordination/local-agents.js';
import { loadDriver } from '../../../loadgen/drivers/load-driver.js';
import { planAgents, withEndpoints } from '../../../loadgen/plan.js';
import { startRun } from '../../../loadgen/run.js';
import type { Measurement } from '../../../record/run.js';
import { type TimelineSample, timelineSampleSchema } from '../../../record/timeline.js';
import type { Action, Scenario } from '../../../scenarios/scenario.js';
import { parseServerConfig } from '../../../server/config.js';
import { testFolder } from '../../support/folder.js';
import { planHost } from '../../support/hosts.js';
import { testScenario } from '../../support/run.js';

const CLIENTS = 60;
const NODES = 3;

let cluster: EmbeddedCluster | undefined;
afterEach(() => cluster?.close());

/** Clients that are connected, and say nothing: the servers stand alone, each in the place of a node. */
function silentScenario(actions: Action[]): Scenario {
  return testScenario((scenario) => {
    const plan = { nodes: NODES, nats: 1, replicas: 1, homes: 4 } as const;
    scenario.target = {
      kind: 'embedded',
      protocol: 'tcp',
      workers: 1,
      store: 'lmdb',
      cluster: plan,
      settings: {},
    };
    scenario.clients.count = CLIENTS;
    scenario.phases = [
      { name: 'talk', durationMs: 8000, messageRate: 0, away: 0, churnRate: 0, awayForMs: 0, cut: 0 },
    ];
    scenario.actions = actions;
  });
}

async function runOn(scenario: Scenario): Promise<{ measurement: Measurement; lines: TimelineSample[] }> {
  const config = parseServerConfig({
    listen: ['tcp://127.0.0.1:0'],
    admin: { port: 0 },
    logLevel: 'silent',
    limits: { drainTimeoutMs: 500 },
  });
  const { target } = scenario;
  if (target.kind !== 'embedded' || !target.cluster) throw new Error('this is about a cluster');
  const started = await EmbeddedCluster.start(config, target.cluster, scenario.seed);
  cluster = started;
  const driver = { name: 'c2m', settings: { credentials: null } };
  const plans = planAgents(scenario, { endpoints: [], hosts: [planHost()], driver, run: 1 });
  const folder = testFolder();
  const run = startRun({
    scenario,
    source: { file: 'test.yaml', text: '', overrides: [] },
    endpoints: started.addresses,
    plans: withEndpoints(plans, started.addresses),
    coordinator: new LocalAgents(thisHost('0.0.0')),
    credentials: null,
    server: started,
    adminUrl: null,
    nodes: started.nodes,
    processes: null,
    metrics: null,
    mediaUrl: null,
    target: {
      kind: 'embedded',
      addresses: [],
      serverWorkers: NODES,
      store: 'lmdb',
      driver: { name: 'c2m', promises: (await loadDriver('c2m', driver.settings)).promises(driver.settings) },
    },
    folder,
    version: '0.0.0',
  });
  const measurement = await run.measurement;
  const lines = readFileSync(join(folder, 'timeline.ndjson'), 'utf8').trim().split('\n');
  return { measurement, lines: lines.map((line) => timelineSampleSchema.parse(JSON.parse(line))) };
}

test('clients of a node that is killed go to the others, and the record tells of each node', async () => {
  const { measurement, lines } = await runOn(
    silentScenario([{ kind: 'kill-node', atMs: 1000, node: 2, restartAfterMs: 3000 }]),
  );

  expect(measurement.marks.map(({ label, isEnd = false }) => [label, isEnd])).toEqual([
    ['kill node-2', false],
    ['node-2 is back', true],
  ]);
  const [killed, back] = measurement.marks.map(({ atSeconds }) => atSeconds);
  expect((back ?? 0) - (killed ?? 0)).toBeGreaterThanOrEqual(3);
  // A third of the clients was there, and none is missing in the end.
  expect(measurement.connections).toMatchObject({ peak: CLIENTS, reconnects: CLIENTS / NODES });
  expect(measurement.nodes?.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
  expect(measurement.nodes?.map(({ connectionsPeak }) => connectionsPeak >= CLIENTS / NODES)).toEqual([
    true,
    true,
    true,
  ]);
  const whole = lines.filter(({ server }) => server?.nodes?.length === NODES);
  expect(whole.length).toBeGreaterThan(0);
  const without = lines.filter(({ t, server }) => server && t > (killed ?? 0) + 1 && t < (back ?? 0));
  expect(without.length).toBeGreaterThan(0);
  for (const { server } of without) {
    expect(server?.nodes?.map(({ name }) => name)).not.toContain('node-2');
    const sum = server?.nodes?.reduce((all, { connections }) => all + connections, 0);
    if (server?.nodes?.length === NODES - 1) expect(server.connections).toBe(sum);
  }
}, 60_000);
