import { THIS_HOST } from '../../loadgen/coordination/local-agents.js';
import type { PlanHost } from '../../loadgen/plan.js';

/** A machine to plan for, such as this one is said to be. */
export function planHost(facts: Partial<PlanHost> = {}): PlanHost {
  return { id: THIS_HOST, name: 'here', cores: 2, openFiles: 20_000, serverWorkers: 0, ...facts };
}
