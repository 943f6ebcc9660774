import type { NatsOptions } from '../nats/connect.js';
import { InputError } from '../record/input-error.js';
import type { Scenario } from '../scenarios/scenario.js';
import { type NatsFlags, readNatsOptions } from './nats-options.js';

/**
 * Where the machines of a run are met: as `--agents` says, or else the scenario. Undefined: it runs on this machine.
 * @param scenarios of the runs of one command
 * @throws InputError where they are met at different places
 */
export function agentsFor(
  flags: NatsFlags,
  url: string | undefined,
  scenarios: readonly Scenario[],
): NatsOptions | undefined {
  if (url !== undefined) return readNatsOptions(flags, url);
  const [place = null, ...others] = new Set(scenarios.map(({ agents }) => agents.nats));
  if (others.length > 0)
    throw new InputError(
      'agents.nats: is not the same in all of these runs; give --agents, which is for all of them',
    );
  return place === null ? undefined : readNatsOptions(flags, place);
}
