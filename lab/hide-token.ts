import type { Measurement } from '../record/run.js';
import { type LoadedScenario, secretsOfLoaded } from '../scenarios/load.js';
import { hideInOverride, hideInText, hideInYaml, secretsOf, withoutSecrets } from '../scenarios/secrets.js';

/**
 * A record may be passed on; the secrets that it ran with may not: the token, headers of the upgrade, variables of a
 * command, users and queries of URLs. They are hidden at their keys, and wherever else the scenario holds them.
 */
export function hideToken(measurement: Measurement): Measurement {
  return tokenHider(measurement.scenario)(measurement);
}

/** Why a run could not be completed is printed where others read it, and may quote the command or what its server said. */
export function hideInFailure<Failure extends Error>(failure: Failure, loaded: LoadedScenario): Failure {
  failure.message = hideInText(failure.message, secretsOfLoaded(loaded));
  return failure;
}

/**
 * The same for all measurements of one run: their scenario is looked through once, which takes longer than the rest.
 * @param further secrets that no key of the scenario tells
 */
export function tokenHider(
  scenario: Measurement['scenario'],
  further: readonly string[] = [],
): (measurement: Measurement) => Measurement {
  const { bases = [] } = scenario;
  const secrets = secretsOf(
    scenario.resolved,
    [scenario.source, ...bases.map(({ source }) => source)],
    scenario.overrides,
    further,
  );
  const hidden = {
    ...scenario,
    source: hideInYaml(scenario.source, secrets),
    overrides: scenario.overrides.map((override) => hideInOverride(override, secrets)),
    ...(bases.length > 0 && {
      bases: bases.map(({ file, source }) => ({ file, source: hideInYaml(source, secrets) })),
    }),
    resolved: withoutSecrets(scenario.resolved, secrets) as Record<string, unknown>,
  };
  return (measurement) => ({
    ...measurement,
    description: hideInText(measurement.description, secrets),
    notes: measurement.notes.map((note) => hideInText(note, secrets)),
    scenario: hidden,
  });
}
