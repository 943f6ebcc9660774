import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { DriverPlan, Endpoint } from '../../loadgen/agent-messages.js';
import type { Coordinator } from '../../loadgen/coordination/coordinator.js';
import { LocalAgents, thisHost } from '../../loadgen/coordination/local-agents.js';
import { loadDriver } from '../../loadgen/drivers/load-driver.js';
import { planAgents } from '../../loadgen/plan.js';
import { type RunHandle, startRun } from '../../loadgen/run.js';
import type { Credentials } from '../../protocol/user-token.js';
import { contradictions } from '../../record/sums.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { afterAllTests } from './clean-up.js';
import { planHost, planHostOf } from './hosts.js';

const folders: string[] = [];

/** A small scenario: 40 clients, one phase of a second with 200 messages in all; change what a test is about. */
export function testScenario(change: (scenario: Scenario) => void = () => undefined): Scenario {
  const scenario: Scenario = {
    name: 'test',
    description: '',
    seed: 1,
    target: {
      kind: 'external',
      addresses: [],
      admin: null,
      media: null,
      allow: [],
      token: null,
      tokenPerUser: false,
      insecure: true,
      tls: {},
      driver: { name: 'c2m', settings: {} },
      websocket: { headers: {}, subprotocols: null, compression: false },
      metrics: null,
      processes: null,
    },
    clients: {
      count: 40,
      connectRate: 1000,
      // On a machine that is busy, with a hash of a password at both ends; whoever is done sooner does not wait.
      connectTimeoutMs: 30_000,
      heartbeatMs: 10_000,
      reconnectRate: 1000,
      firstUser: 1,
    },
    messages: { size: { kind: 'fixed', bytes: 64 }, arrival: 'constant' },
    phases: [
      { name: 'talk', durationMs: 1000, messageRate: 200, away: 0, churnRate: 0, awayForMs: 0, cut: 0 },
    ],
    media: null,
    groups: null,
    actions: [],
    generator: { transport: 'sockets', agents: 1, lagLimitMs: 1000, drainMs: 5000 },
    agents: { nats: null, hosts: 'all', atLeast: 1, waitMs: 0, labels: [], lost: 'invalidate' },
    reference: null,
    gates: [],
  };
  change(scenario);
  return scenario;
}

/** Starts a run against a server that listens already; its folder is removed after the test. */
export async function testRun(
  scenario: Scenario,
  endpoint: Endpoint,
  adminUrl: string | null = null,
  credentials: Credentials | null = null,
  mediaUrl: string | null = null,
  driver: DriverPlan = { name: 'c2m', settings: { credentials } },
  coordinator: Coordinator = new LocalAgents(thisHost('0.0.0')),
): Promise<RunHandle & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-run-'));
  folders.push(folder);
  const handle = startRun({
    scenario,
    source: { file: 'test.yaml', text: '', overrides: [] },
    endpoints: [endpoint],
    plans: planAgents(scenario, {
      endpoints: [endpoint],
      hosts: coordinator.isRemote ? (await coordinator.hosts()).map(planHostOf) : [planHost()],
      driver,
      run: Math.floor(Date.now() / 1000),
    }),
    coordinator,
    credentials,
    server: null,
    processes: null,
    metrics: scenario.target.kind === 'embedded' ? null : scenario.target.metrics,
    mediaUrl,
    adminUrl,
    target: {
      kind: 'external',
      addresses: [],
      serverWorkers: null,
      store: null,
      driver: {
        name: driver.name,
        promises: (await loadDriver(driver.name, driver.settings)).promises(driver.settings),
      },
    },
    // Servers of tests count what they are sent.
    skipsFirstContact: true,
    folder,
    version: '0.0.0',
  });
  const measurement = handle.measurement.then((measured) => {
    // Whatever a test is about: the counts of its record hold together.
    const isWhole = !measured.isPartial && measured.generator.valid;
    expect(isWhole ? contradictions(measured) : []).toEqual([]);
    return measured;
  });
  return { ...handle, measurement, folder };
}

// Tests of one file may run at once.
afterAllTests('folders', async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});
