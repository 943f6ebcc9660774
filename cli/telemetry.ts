import type { RunObservers } from '../lab/run-scenario.js';
import type { RunRecord } from '../record/run.js';
import type { LoadedScenario } from '../scenarios/load.js';
import type { TelemetryFlags } from './telemetry-options.js';

/** Those outside of a command who are told of its runs, one after the other. */
export interface Telemetry {
  observe(loaded: LoadedScenario): RunObservers;
  /** Its record is written. */
  ended(record: RunRecord): Promise<void>;
  close(): Promise<void>;
}

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
