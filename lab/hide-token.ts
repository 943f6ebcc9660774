import type { Measurement } from '../record/run.js';
import {
  hideInOverride,
  hideInText,
  hideInYaml,
  secretsIn,
  secretsInSource,
  withoutSecrets,
} from '../scenarios/secrets.js';

/**
 * A record may be passed on; the secrets that it ran with may not: the token, headers of the upgrade, variables of a
 * command, users and queries of URLs. They are hidden at their keys, and wherever else the scenario holds them.
 */
export function hideToken(measurement: Measurement): Measurement {
  const { scenario, description, notes } = measurement;
  const found = [...secretsIn(scenario.resolved), ...secretsInSource(scenario.source, scenario.overrides)];
  // A secret that another one begins with would leave the rest of that one.
  const secrets = [...new Set(found)].sort((one, other) => other.length - one.length);
  return {
    ...measurement,
    description: hideInText(description, secrets),
    notes: notes.map((note) => hideInText(note, secrets)),
    scenario: {
      ...scenario,
      source: hideInYaml(scenario.source, secrets),
      overrides: scenario.overrides.map((override) => hideInOverride(override, secrets)),
      resolved: withoutSecrets(scenario.resolved, secrets) as Record<string, unknown>,
    },
  };
}
