import type { Telemetry } from './start-telemetry.js';
import type { TelemetryFlags } from './telemetry-options.js';

const NOBODY: Telemetry = {
  observe: () => ({}),
  ended: async () => undefined,
  close: async () => undefined,
};

/**
 * Opens what was asked for, and loads no more than that.
 * @param tell gets what whoever asked must know, a line at a time
 * @throws InputError
 */
export async function openTelemetry(
  flags: TelemetryFlags,
  tell: (words: string) => void,
): Promise<Telemetry> {
  if (flags.metrics === undefined && flags.otlp === undefined) return NOBODY;
  const { startTelemetry } = await import('./start-telemetry.js');
  return startTelemetry(flags, tell);
}
