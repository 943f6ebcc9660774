import type { AgentHost, Coordinator } from '../loadgen/coordination/coordinator.js';
import type { NatsOptions } from '../nats/connect.js';
import { withBaseline } from '../record/baseline.js';
import type { Gate } from '../record/gate.js';
import type { RunRecord } from '../record/run.js';
import type { LoadedScenario } from '../scenarios/load.js';
import { coordinatorFor } from './agents.js';
import { type PlannedTarget, planTarget } from './target.js';

/** A run as it will be: nothing is started by then, and nothing written. */
export interface PlannedRun {
  gates: Gate[];
  /** Whoever asked for the plan closes it. */
  coordinator: Coordinator;
  /** Machines that agents may be put on. */
  hosts: AgentHost[];
  /** Which clients are in which agent, and what they go against. */
  target: PlannedTarget;
}

export interface PlanOptions {
  /** What gates with `baseline` are set against. */
  baseline?: RunRecord[];
  /** Where the machines are met that simulate the clients; undefined: as the scenario says. */
  agents?: NatsOptions | undefined;
  signal: AbortSignal;
  /** Which machines it waits for, and which it has got. */
  tell?: ((words: string) => void) | undefined;
}

/**
 * Plans a run, for `runScenario` and for whoever wants to know what that would do.
 * @returns undefined where nobody wants it any more
 * @throws as `runScenario` does for what is wrong with the input
 */
export async function planRun(
  { scenario }: LoadedScenario,
  { baseline = [], agents, signal, tell = () => undefined }: PlanOptions,
): Promise<PlannedRun | undefined> {
  const gates = withBaseline(scenario.gates, baseline);
  const coordinator = await coordinatorFor(scenario, { nats: agents, signal, tell });
  try {
    const hosts = await hostsUnless(signal, coordinator);
    if (hosts) return { gates, coordinator, hosts, target: await planTarget(scenario, hosts) };
  } catch (error) {
    await coordinator.close();
    throw error;
  }
  await coordinator.close();
  return undefined;
}

/** Undefined: nobody wants them any more. */
async function hostsUnless(signal: AbortSignal, coordinator: Coordinator): Promise<AgentHost[] | undefined> {
  try {
    return await coordinator.hosts();
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
