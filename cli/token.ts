import type { Measurement } from '../record/run.js';

/** A record may be passed on; the token that it ran with may not. It is hidden wherever the scenario holds it. */
export function withoutToken(measurement: Measurement): Measurement {
  const { scenario } = measurement;
  const tokens = tokensIn(scenario.resolved);
  if (tokens.length === 0) return measurement;
  const hide = (text: string): string =>
    tokens.reduce((hidden, token) => hidden.replaceAll(token, '…'), text);
  return {
    ...measurement,
    scenario: {
      ...scenario,
      source: hide(scenario.source),
      overrides: scenario.overrides.map(hide),
      resolved: JSON.parse(
        JSON.stringify(scenario.resolved, (key, value) => (key === 'token' && value ? '…' : value)),
      ) as Record<string, unknown>,
    },
  };
}

/** Values of every key `token`, however deep. */
function tokensIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === 'token' && typeof value === 'string' && value !== '' ? [value] : tokensIn(value),
  );
}
