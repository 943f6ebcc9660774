import type { Endpoint } from '../loadgen/agent-messages.js';
import { readOpenFileLimit } from '../loadgen/host-facts.js';
import type { Scenario } from '../scenarios/scenario.js';
import type { ServerConfig } from '../server/config.js';
import { embeddedConfig } from './embedded-target.js';
import { resolveEndpoint } from './endpoints.js';

/** What a run goes against: a server that it starts itself, or addresses where one is said to listen. */
export type PlannedTarget =
  | { kind: 'embedded'; config: ServerConfig }
  | { kind: 'external'; endpoints: Endpoint[]; adminUrl: string | null };

/**
 * Starts nothing.
 * @throws InputError for settings that the server does not take, EndpointError for a name that does not resolve
 */
export async function planTarget(scenario: Scenario): Promise<PlannedTarget> {
  const { target } = scenario;
  if (target.kind === 'embedded') {
    return { kind: 'embedded', config: embeddedConfig(scenario, target, readOpenFileLimit().soft) };
  }
  return {
    kind: 'external',
    endpoints: await Promise.all(target.addresses.map(resolveEndpoint)),
    adminUrl: target.admin,
  };
}
