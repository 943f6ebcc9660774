import type { AgentPlan, Endpoint } from '../loadgen/agent-messages.js';
import { readHostFacts } from '../loadgen/host-facts.js';
import { planAgents } from '../loadgen/plan.js';
import type { Credentials } from '../protocol/user-token.js';
import type { Scenario } from '../scenarios/scenario.js';
import type { ServerConfig } from '../server/config.js';
import { embeddedConfig } from './embedded-target.js';
import { resolveEndpoint } from './endpoints.js';

/** What a run goes against: a server that it starts itself, or addresses where one is said to listen. */
export type PlannedTarget = {
  /** Which clients will be in which agent; without endpoints as long as the server is not there. */
  plans: AgentPlan[];
  /** Seconds since 1970, as in `PlanFacts`. */
  run: number;
  credentials: Credentials | null;
} & (
  | { kind: 'embedded'; config: ServerConfig }
  | {
      kind: 'external';
      endpoints: Endpoint[];
      adminUrl: string | null;
      mediaUrl: string | null;
    }
);

/**
 * Starts nothing.
 * @throws InputError for settings that the server does not take, EndpointError for a name that does not resolve
 */
export async function planTarget(scenario: Scenario): Promise<PlannedTarget> {
  const { target } = scenario;
  const { cores, openFiles } = readHostFacts();
  // What the agents cannot do is better told now than when a server is running.
  const run = Math.floor(Date.now() / 1000);
  const facts = { cores, openFiles: openFiles.soft, run };
  if (target.kind === 'embedded') {
    const config = embeddedConfig(scenario, target, openFiles.soft);
    const credentials = credentialsOf(config);
    const plans = planAgents(scenario, {
      ...facts,
      endpoints: [],
      serverWorkers: config.workers,
      driver: { name: 'c2m', settings: { credentials } },
    });
    return { kind: 'embedded', config, plans, run, credentials };
  }
  const endpoints = await Promise.all(target.addresses.map(resolveEndpoint));
  const credentials = credentialsOf(target);
  const driver = { name: 'c2m', settings: { credentials } };
  const plans = planAgents(scenario, { ...facts, endpoints, serverWorkers: 0, driver });
  return {
    kind: 'external',
    plans,
    run,
    endpoints,
    credentials,
    adminUrl: target.admin,
    mediaUrl: target.media,
  };
}

function credentialsOf(from: {
  token?: string | null | undefined;
  tokenPerUser: boolean;
}): Credentials | null {
  return from.token ? { secret: from.token, isPerUser: from.tokenPerUser } : null;
}
