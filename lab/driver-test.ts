import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFirstContact } from '../loadgen/first-contact/first-contact.js';
import { probeEndpoints } from '../loadgen/probe.js';
import type { Promises } from '../record/promises.js';
import type { RunRecord } from '../record/run.js';
import { parseScenario } from '../scenarios/load.js';
import {
  cpuCheck,
  type DriverCheck,
  ledgerCheck,
  loginCheck,
  memoryCheck,
  messageCheck,
  returnCheck,
  stormCheck,
} from './driver-checks.js';
import { runScenario } from './run-scenario.js';
import { planTarget } from './target.js';

export interface DriverTestOptions {
  address: string;
  /** Of one that ships; or `file`, absolute, of somebody's own. */
  driver: { name: string } | { file: string };
  /** `path=value` of a scenario, such as `target.driver.mqtt.qos=1`. */
  overrides: readonly string[];
  /** Clients that memory is measured with. */
  idleClients: number;
  signal: AbortSignal;
}

export interface DriverTestObservers {
  /** Nothing is wrong with the input, and it begins. */
  promises?(promises: Promises): void;
  check?(check: DriverCheck): void;
}

export interface DriverTest {
  address: string;
  promises: Promises;
  checks: DriverCheck[];
  /** Everything that the driver promises. */
  holds: boolean;
}

/** What is asked of a driver in each of the runs, as a scenario says it. */
const TALK = {
  clients: { count: 20, connectRate: '200/s' },
  phases: [{ name: 'talk', duration: '1500ms', rate: '60/s' }],
};
const STORM = {
  clients: { count: 200, connectRate: '5000/s' },
  phases: [
    { name: 'away', duration: '2s', rate: '100/s', away: '50%' },
    { name: 'back', duration: '1s', rate: '100/s' },
  ],
};
const idle = (count: number) => ({
  clients: { count, connectRate: '1000/s' },
  phases: [{ name: 'talk', duration: '4s', rate: '1000/s' }],
});

/**
 * Tries what a driver promises against a server that listens: a login, a message, an open workload with its ledger, a login
 * storm, people who go away and come back; and measures what a client and a message cost. It prints nothing.
 * @throws ScenarioError, InputError, RunError for what is wrong with the input, and where the server does not speak it
 */
export async function testDriver(
  options: DriverTestOptions,
  observers: DriverTestObservers = {},
): Promise<DriverTest> {
  const { promises, plans, endpoints } = await planned(options);
  observers.promises?.(promises);
  const checks: DriverCheck[] = [];
  const add = (...made: DriverCheck[]): void => {
    for (const check of made) {
      checks.push(check);
      observers.check?.(check);
    }
  };
  const tested = (): DriverTest => ({
    address: options.address,
    promises,
    checks,
    holds: checks.every(({ holds }) => holds !== false),
  });
  const [plan] = plans;
  if (!plan) return tested();
  await probeEndpoints(endpoints);
  const contact = await makeFirstContact(plan);
  add(loginCheck(contact));
  // Without one there is nothing else to try.
  if (contact.loginMs === null) return tested();
  add(messageCheck(contact, promises));
  add(ledgerCheck(await recordOf(options, TALK), promises));
  const storm = await recordOf(options, STORM);
  add(stormCheck(storm), returnCheck(storm, promises));
  const costs = await recordOf(options, idle(options.idleClients));
  add(memoryCheck(costs), cpuCheck(costs));
  return tested();
}

async function planned(options: DriverTestOptions) {
  const target = await planTarget(scenarioOf(options, TALK).scenario);
  return {
    promises: target.driver.promises,
    plans: target.plans,
    endpoints: target.kind === 'external' ? target.endpoints : [],
  };
}

/** @throws what kept a run from being completed, also an interruption */
async function recordOf(options: DriverTestOptions, part: object): Promise<RunRecord> {
  const { signal } = options;
  const folder = await mkdtemp(join(tmpdir(), 'c2m-driver-test-'));
  try {
    const { record, failure } = await runScenario(scenarioOf(options, part), {
      folder,
      signal,
      isReplacing: true,
      skipsFirstContact: true,
    });
    signal.throwIfAborted();
    if (failure) throw failure;
    return record as RunRecord;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function scenarioOf({ address, driver, overrides }: DriverTestOptions, part: object) {
  const text = JSON.stringify({
    name: 'driver-test',
    target: {
      addresses: [address],
      driver: 'file' in driver ? { own: { file: driver.file } } : { [driver.name]: {} },
    },
    messages: { size: '100B' },
    // A machine that is busy meanwhile says nothing of the driver.
    generator: { agents: 'auto', drain: '3s', lagLimit: '10s' },
    ...part,
  });
  const file = 'driver test';
  const scenario = parseScenario(text, file, overrides);
  return { scenario, source: { file, text, overrides: [...overrides] }, notes: [] };
}
