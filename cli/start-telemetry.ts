import type { RunObservers } from '../lab/run-scenario.js';
import { packageVersion } from '../lab/version.js';
import { printable } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import type { LoadedScenario } from '../scenarios/load.js';
import type { Scenario } from '../scenarios/scenario.js';
import type { Family } from '../telemetry/family.js';
import { type MetricsServer, startMetricsServer } from '../telemetry/metrics-server.js';
import { type OtlpExport, startOtlpExport } from '../telemetry/otlp/otlp-export.js';
import { runFamilies } from '../telemetry/run-families.js';
import type { RunPlace } from '../telemetry/run-place.js';
import { RunState } from '../telemetry/run-state.js';
import { readMetricsAddress, readOtlpUrl, type TelemetryFlags } from './telemetry-options.js';

/** Those outside of a command who are told of its runs, one after the other. */
export interface Telemetry {
  /** @param place of a run among those of its command */
  observe(loaded: LoadedScenario, place: RunPlace): RunObservers;
  /** Its record is written. */
  ended(record: RunRecord): Promise<void>;
  close(): Promise<void>;
}

/** @throws InputError, by when nothing is left open */
export async function startTelemetry(
  { metrics, otlp }: TelemetryFlags,
  tell: (words: string) => void,
): Promise<Telemetry> {
  const version = packageVersion();
  let state: RunState | undefined;
  const families = (): Family[] => (state ? runFamilies(state) : []);
  const address = metrics === undefined ? undefined : readMetricsAddress(metrics);
  const receiver = otlp === undefined ? undefined : { url: readOtlpUrl(otlp) };
  const server: MetricsServer | undefined = address && (await startMetricsServer(address, families));
  let exporter: OtlpExport | undefined;
  try {
    exporter =
      receiver &&
      (await startOtlpExport({
        url: receiver.url,
        version,
        families,
        startedAtMs: () => state?.startedAtMs ?? Date.now(),
        tell: (why) => tell(`--otlp: nothing arrives: ${printable(why)}; the run goes on without`),
      }));
  } catch (error) {
    await server?.close();
    throw error;
  }
  if (server)
    tell(`metrics at ${server.url}${address?.isLoopback ? '' : ', for whoever can reach this machine'}`);
  return {
    observe: ({ scenario }, place) => {
      const now = new RunState({ ...knownOf(scenario), version, place });
      state = now;
      return {
        phase: ({ name }) => {
          if (now.phase === undefined) exporter?.began();
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
      await exporter?.ended(record, state?.place);
    },
    close: async () => {
      await Promise.all([exporter?.close(), server?.close()]);
    },
  };
}

function knownOf({ name, clients, phases, generator }: Scenario) {
  return {
    scenario: name,
    clients: clients.count,
    phases: phases.map((phase) => phase.name),
    lagLimitMs: generator.lagLimitMs,
  };
}
