import type { Endpoint } from '../loadgen/agent-messages.js';
import { readHostFacts } from '../loadgen/host-facts.js';
import { planAgents } from '../loadgen/plan.js';
import type { Credentials } from '../protocol/user-token.js';
import type { Scenario } from '../scenarios/scenario.js';
import type { ServerConfig } from '../server/config.js';
import { embeddedConfig } from './embedded-target.js';
import { resolveEndpoint } from './endpoints.js';

/** What a run goes against: a server that it starts itself, or addresses where one is said to listen. */
export type PlannedTarget = {
  /** Agents that will hold the clients. */
  agents: number;
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
  const facts = { cores, openFiles: openFiles.soft, credentials: null, run: 0 };
  if (target.kind === 'embedded') {
    const config = embeddedConfig(scenario, target, openFiles.soft);
    const endpoint: Endpoint = { protocol: target.protocol, host: '127.0.0.1', port: 0 };
    const plans = planAgents(scenario, { ...facts, endpoints: [endpoint], serverWorkers: config.workers });
    return { kind: 'embedded', config, agents: plans.length, credentials: credentialsOf(config) };
  }
  const endpoints = await Promise.all(target.addresses.map(resolveEndpoint));
  const plans = planAgents(scenario, { ...facts, endpoints, serverWorkers: 0 });
  return {
    kind: 'external',
    agents: plans.length,
    endpoints,
    credentials: credentialsOf(target),
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
