import type { AgentHost } from '../../loadgen/coordination/coordinator.js';
import { THIS_HOST } from '../../loadgen/coordination/local-agents.js';
import type { PlanHost } from '../../loadgen/plan.js';

/** A machine to plan for, such as this one is said to be. */
export function planHost(facts: Partial<PlanHost> = {}): PlanHost {
  return {
    id: THIS_HOST,
    name: 'here',
    cores: 2,
    openFiles: 20_000,
    freeFiles: 2_000_000,
    availableBytes: 20 * 1024 ** 3,
    ephemeralPorts: 28_232,
    serverWorkers: 0,
    ...facts,
  };
}

/** A machine that agents may be put on, as a plan sees it. */
export function planHostOf({ id, name, facts }: AgentHost): PlanHost {
  return planHost({ id, name, cores: facts.cores, openFiles: facts.openFiles.soft });
}
