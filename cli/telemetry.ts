import type { RunObservers } from '../lab/run-scenario.js';
import { packageVersion } from '../lab/version.js';
import { printable } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import type { LoadedScenario } from '../scenarios/load.js';
import { type MetricsServer, startMetricsServer } from '../telemetry/metrics-server.js';
import { type OtlpExport, startOtlpExport } from '../telemetry/otlp/otlp-export.js';
import { runFamilies } from '../telemetry/run-families.js';
import { RunState } from '../telemetry/run-state.js';
import { readMetricsAddress, readOtlpUrl, type TelemetryFlags } from './telemetry-options.js';

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
 * Opens what was asked for.
 * @param tell gets what whoever asked must know, a line at a time
 * @throws InputError
 */
export async function openTelemetry(
  { metrics, otlp }: TelemetryFlags,
  tell: (words: string) => void,
): Promise<Telemetry> {
  if (metrics === undefined && otlp === undefined) return NOBODY;
  let state: RunState | undefined;
  const families = () => (state ? runFamilies(state) : []);
  const address = metrics === undefined ? undefined : readMetricsAddress(metrics);
  const version = packageVersion();
  const exporter = otlp === undefined ? undefined : await openOtlp(otlp);
  const server = address && (await startMetricsServer(address, families));
  if (server)
    tell(`metrics at ${server.url}${address?.isLoopback ? '' : ', for whoever can reach this machine'}`);
  return telemetry(exporter, server);

  async function openOtlp(given: string | true): Promise<OtlpExport> {
    return startOtlpExport({
      url: readOtlpUrl(given),
      version,
      families,
      startedAtMs: () => state?.startedAtMs ?? Date.now(),
      tell: (why) => tell(`--otlp: nothing arrives: ${printable(why)}; the run goes on without`),
    });
  }

  function telemetry(toOtlp: OtlpExport | undefined, page: MetricsServer | undefined): Telemetry {
    return {
      observe: ({ scenario }) => {
        const now = new RunState({
          scenario: scenario.name,
          version,
          clients: scenario.clients.count,
          phases: scenario.phases.map(({ name }) => name),
          lagLimitMs: scenario.generator.lagLimitMs,
        });
        state = now;
        return {
          phase: ({ name }) => {
            now.phase = name;
          },
          sample: (sample) => now.take(sample),
          recorded: (kinds) => now.recorded(kinds),
          agents: (agents) => {
            now.agents = agents;
          },
          record: (record) => {
            now.record = record;
          },
        };
      },
      ended: async (record) => {
        state?.ended(record);
        await toOtlp?.ended(record);
      },
      close: async () => {
        await Promise.all([toOtlp?.close(), page?.close()]);
      },
    };
  }
}
