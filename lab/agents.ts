import type { Coordinator } from '../loadgen/coordination/coordinator.js';
import { LocalAgents, thisHost } from '../loadgen/coordination/local-agents.js';
import type { NatsOptions } from '../nats/connect.js';
import { isLoopback } from '../protocol/address.js';
import { InputError } from '../record/input-error.js';
import type { Scenario } from '../scenarios/scenario.js';
import { resolveEndpoint } from './endpoints.js';
import { planTarget } from './target.js';
import { packageVersion } from './version.js';

/** Where the machines are met, if not as the scenario says, and who wants to know how it gets on with them. */
export interface MachineSearch {
  nats: NatsOptions | undefined;
  signal: AbortSignal;
  tell(words: string): void;
}

/**
 * The agents of a run: on this machine, or on those that others lend.
 * @throws InputError for a target that those cannot reach, EndpointError for a name that does not resolve, NatsError where NATS
 * is not to be reached
 */
export async function coordinatorFor(scenario: Scenario, search: MachineSearch): Promise<Coordinator> {
  const nats = search.nats ?? natsOf(scenario);
  const version = packageVersion();
  if (!nats) return new LocalAgents(thisHost(version));
  await refuseUnreachable(scenario);
  // Only who wants it loads it: a run on one machine needs no NATS.
  const { NatsAgents } = await import('../loadgen/coordination/nats/nats-agents.js');
  const { agents, generator, name } = scenario;
  return NatsAgents.connect({
    ...search,
    nats,
    version,
    name,
    wanted: agents,
    transport: generator.transport,
  });
}

/**
 * Finds out what is wrong with a scenario, for whoever runs it later, and starts nothing.
 * @param nats as `RunOptions.agents`
 * @throws as `coordinatorFor` and `planTarget` do
 */
export async function checkScenario(scenario: Scenario, nats?: NatsOptions): Promise<void> {
  if (!nats && !natsOf(scenario)) {
    await planTarget(scenario);
    return;
  }
  await refuseUnreachable(scenario);
  // What the machines hold is known when they are there.
  const host = thisHost(packageVersion());
  const boundless = { ...host.facts, openFiles: { soft: null, hard: null } };
  await planTarget(scenario, [{ ...host, facts: boundless }]);
}

function natsOf({ agents }: Scenario): NatsOptions | undefined {
  return agents.nats === null ? undefined : { url: agents.nats };
}

/**
 * What listens on this machine's loopback is not there on another's, and load meant for here would go to each of them. A name
 * may be one for it, as a machine's own name is on Debian (127.0.1.1).
 */
async function refuseUnreachable({ target }: Scenario): Promise<void> {
  if (target.kind !== 'external') {
    const what = target.kind === 'embedded' ? 'target: embedded' : 'target.command';
    throw new InputError(
      `agents: ${what} starts a server that listens on this machine alone, and the clients are on others; start it where ` +
        'they reach it, such as with `c2m serve --listen tcp://0.0.0.0:4000`, and write target: tcp://its-address:4000',
    );
  }
  for (const address of target.addresses) {
    const { host } = await resolveEndpoint(address);
    if (!isLoopback(host) && host !== '0.0.0.0' && host !== '::') continue;
    throw new InputError(
      `agents: target.addresses: ${address} is each agent's own machine; write the address by which the agents reach the server`,
    );
  }
}
