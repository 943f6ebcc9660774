import type { Measurement } from '../record/run.js';

/** A record may be passed on; the token that it ran with may not. */
export function withoutToken(measurement: Measurement): Measurement {
  const { scenario } = measurement;
  const { token } = (scenario.resolved as { target?: { token?: string | null } }).target ?? {};
  if (!token) return measurement;
  const hide = (text: string): string => text.replaceAll(token, '…');
  return {
    ...measurement,
    scenario: {
      ...scenario,
      source: hide(scenario.source),
      overrides: scenario.overrides.map(hide),
      resolved: JSON.parse(hide(JSON.stringify(scenario.resolved))) as Record<string, unknown>,
    },
  };
}
