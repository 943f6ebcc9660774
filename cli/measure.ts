import type { Endpoint } from '../loadgen/agent-messages.js';
import { startRun } from '../loadgen/run.js';
import { enterNetworkNamespace } from '../loadgen/transports/packets/network-namespace.js';
import { PACKET_SERVER_HOST } from '../loadgen/transports/packets/packet-addresses.js';
import { formatAddress } from '../protocol/address.js';
import type { Measurement } from '../record/run.js';
import type { LoadedScenario } from '../scenarios/load.js';
import { EmbeddedServer } from './embedded-server.js';
import type { Interrupts } from './interrupts.js';
import type { LiveView } from './live-view.js';
import type { PlannedTarget } from './target.js';
import { packageVersion } from './version.js';

/**
 * Runs a scenario against its target and ends the server that it started, whatever happens.
 * @returns undefined where the run was interrupted before it began
 * @throws RunError where the run could not be completed, SpawnError where the server did not start
 */
export async function measure(
  loaded: LoadedScenario,
  target: PlannedTarget,
  folder: string,
  view: LiveView,
  interrupts: Interrupts,
): Promise<Measurement | undefined> {
  if (target.kind === 'external') return load(loaded, target, undefined, folder, view, interrupts);
  // Before anything listens or dials: the server, the agents and their devices all live in there.
  if (loaded.scenario.generator.transport === 'packets') enterNetworkNamespace();
  const server = await EmbeddedServer.start(target.config, loaded.scenario.seed);
  try {
    return await load(loaded, target, server, folder, view, interrupts);
  } finally {
    await server.close();
  }
}

/** A server that listens on every address is reached at that of the first device. */
function reachable(address: Endpoint): Endpoint {
  return address.host === '0.0.0.0' ? { ...address, host: PACKET_SERVER_HOST } : address;
}

async function load(
  { scenario, source }: LoadedScenario,
  target: PlannedTarget,
  server: EmbeddedServer | undefined,
  folder: string,
  view: LiveView,
  interrupts: Interrupts,
): Promise<Measurement | undefined> {
  if (interrupts.isRequested) return undefined;
  const endpoints = target.kind === 'embedded' ? (server?.addresses.map(reachable) ?? []) : target.endpoints;
  const handle = startRun({
    scenario,
    source,
    endpoints,
    server: server ?? null,
    credentials: target.credentials,
    adminUrl: target.kind === 'embedded' ? (server?.adminUrl ?? null) : target.adminUrl,
    mediaUrl: target.kind === 'embedded' ? (server?.mediaUrl ?? null) : target.mediaUrl,
    target: {
      kind: target.kind,
      addresses: endpoints.map(formatAddress),
      serverWorkers: target.kind === 'embedded' ? target.config.workers : null,
      store: target.kind === 'embedded' ? target.config.store : null,
    },
    folder,
    version: packageVersion(),
  });
  handle.on('phase', (phase) => view.phase(phase));
  handle.on('sample', (sample) => view.sample(sample));
  interrupts.onRequest(() => handle.interrupt());
  let death: string | undefined;
  server?.died.then((reason) => {
    death = reason;
    handle.interrupt();
  });
  const measurement = await handle.measurement;
  return death === undefined
    ? measurement
    : { ...measurement, notes: [...measurement.notes, death], isPartial: true };
}
