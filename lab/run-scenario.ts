import type { Endpoint } from '../loadgen/agent-messages.js';
import type { Coordinator } from '../loadgen/coordination/coordinator.js';
import { withEndpoints } from '../loadgen/plan.js';
import type { ServerProcesses } from '../loadgen/recording/process-sum.js';
import { ProcessGroup, ProcessTree } from '../loadgen/recording/server-processes.js';
import { type RunEvents, startRun } from '../loadgen/run.js';
import { RunError } from '../loadgen/run-error.js';
import type { RunRequest } from '../loadgen/run-request.js';
import { enterNetworkNamespace } from '../loadgen/transports/packets/network-namespace.js';
import { PACKET_SERVER_HOST } from '../loadgen/transports/packets/packet-addresses.js';
import type { NatsOptions } from '../nats/connect.js';
import { formatAddress } from '../protocol/address.js';
import { watchGates } from '../record/abort.js';
import type { Measurement, RunRecord } from '../record/run.js';
import type { LoadedScenario } from '../scenarios/load.js';
import type { Scenario } from '../scenarios/scenario.js';
import { Checkpoint } from './checkpoint.js';
import { EmbeddedCluster } from './cluster/embedded-cluster.js';
import { CommandServer } from './command-server.js';
import { EmbeddedServer } from './embedded-server.js';
import { hideInFailure } from './hide-token.js';
import { listenForRequests } from './live-carriers.js';
import { LiveControl } from './live-control.js';
import { planRun } from './plan-run.js';
import { discardRecordFolder, prepareRecordFolder } from './record-folder.js';
import { recordMaker } from './record-of.js';
import type { PlannedTarget } from './target.js';
import { packageVersion } from './version.js';

export interface RunOptions {
  /** Where the record goes; made where it is not there. */
  folder: string;
  /** A record that the folder holds already goes. */
  isReplacing?: boolean;
  /** What gates with `baseline` are set against. */
  baseline?: RunRecord[];
  /** Ends the run in good order within a few seconds; what was measured until then is partial. */
  signal?: AbortSignal;
  /** Nobody asks first whether the server speaks the protocol. */
  skipsFirstContact?: boolean;
  /** Where the machines are met that simulate the clients; undefined: as the scenario says. */
  agents?: NatsOptions;
}

/** How often a record is made of a run that somebody watches. */
const WATCHED_MS = 1000;

/** Who wants to know how a run is getting on. */
export type RunObservers = {
  /** There is nothing wrong with the input: from now on something is started and written. */
  begun?: () => void;
  /** Somebody ends the run from elsewhere (`c2m stop`): as if the signal had been aborted. */
  stopped?: () => void;
  /** Before that: which machines it waits for, and which it has got. */
  machines?: (words: string) => void;
  /** The run can be asked for changes from now on. */
  control?: (control: LiveControl) => void;
  /**
   * What was measured until now, judged as if the run were stopped here: every second or more seldom once somebody has logged
   * in. Whoever leaves it out has run.json written every five seconds.
   */
  record?: (record: RunRecord) => void;
} & {
  [Name in keyof RunEvents]?: (...event: RunEvents[Name]) => void;
};

export interface RunOutcome {
  /** Undefined: the run ended before anything was measured. */
  record: RunRecord | undefined;
  /** Why it could not be completed, where it could not; there may be a record all the same. */
  failure: Error | undefined;
}

/**
 * Runs a scenario once: starts the server if the scenario embeds one, simulates the clients, measures, judges. It prints
 * nothing. The folder holds the timeline and the latencies afterwards, and whoever wants the record there writes it.
 * @throws InputError, GateError, RunError with the code `C2M_INPUT`, EndpointError for what is wrong with the input: by then nothing
 * was started or written
 */
export async function runScenario(
  loaded: LoadedScenario,
  options: RunOptions,
  observers: RunObservers = {},
): Promise<RunOutcome> {
  const { folder, isReplacing = false, baseline = [], skipsFirstContact = false } = options;
  const control = new LiveControl(loaded.scenario.name, observers.stopped);
  const signal = AbortSignal.any([control.signal, ...(options.signal ? [options.signal] : [])]);
  const planned = await planRun(loaded, {
    baseline,
    agents: options.agents,
    signal,
    tell: observers.machines,
  });
  if (!planned) return { record: undefined, failure: undefined };
  const { gates, coordinator, target } = planned;
  try {
    await prepareRecordFolder(folder, isReplacing);
    observers.begun?.();
    const recordOf = recordMaker(loaded, gates);
    const checkpoint = new Checkpoint(folder, recordOf, observers.record);
    observers.control?.(control);
    const listening = await listenForRequests(control, coordinator);
    const { measurement, failure } = await attempt(loaded, () =>
      measure(
        loaded,
        target,
        { folder, signal, skipsFirstContact, coordinator, control, checkpoint, watch: watchGates(gates) },
        observers,
      ),
    );
    listening.close();
    const notes = [...listening.notes, ...(await checkpoint.end())];
    if (measurement)
      return { record: recordOf({ ...measurement, notes: [...measurement.notes, ...notes] }), failure };
    await discardRecordFolder(folder);
    return { record: undefined, failure: signal.aborted ? undefined : failure };
  } finally {
    await coordinator.close();
  }
}

/** What was measured, and why the run could not be completed if it could not; there may be both. */
async function attempt(
  loaded: LoadedScenario,
  measuring: () => Promise<Measurement | undefined>,
): Promise<{ measurement: Measurement | undefined; failure: Error | undefined }> {
  try {
    return { measurement: await measuring(), failure: undefined };
  } catch (error) {
    const measurement = error instanceof RunError ? error.measurement : undefined;
    return { measurement, failure: hideInFailure(error as Error, loaded) };
  }
}

type HowToRun = Required<Pick<RunOptions, 'folder' | 'signal' | 'skipsFirstContact'>> & {
  coordinator: Coordinator;
  control: LiveControl;
  checkpoint: Checkpoint;
  watch: ReturnType<typeof watchGates>;
};

/** A server that the lab has started for a run. */
type StartedServer = EmbeddedServer | EmbeddedCluster | CommandServer;

/** Ends the server that it started, whatever happens. */
async function measure(
  loaded: LoadedScenario,
  target: PlannedTarget,
  how: HowToRun,
  observers: RunObservers,
): Promise<Measurement | undefined> {
  // Before anything listens or dials: the server, the agents and their devices all live in there.
  const isHere = !how.coordinator.isRemote;
  if (isHere && loaded.scenario.generator.transport === 'packets') enterNetworkNamespace();
  const server = await startServer(loaded.scenario, target, how);
  try {
    return await load(loaded, target, server, how, observers);
  } finally {
    await server?.close();
  }
}

/** Undefined: it runs already. */
async function startServer(
  { seed, generator, target: wanted, actions }: Scenario,
  target: PlannedTarget,
  { folder, signal }: HowToRun,
): Promise<StartedServer | undefined> {
  switch (target.kind) {
    case 'embedded':
      return wanted.kind === 'embedded' && wanted.cluster
        ? EmbeddedCluster.start(target.config, wanted.cluster, seed, actions)
        : EmbeddedServer.start(target.config, seed);
    case 'command': {
      const isOnDevice = generator.transport === 'packets';
      const { command, listening } = target;
      return CommandServer.start({ command, endpoints: listening, isOnDevice, folder }, signal);
    }
    case 'external':
      return undefined;
  }
}

/** A server that listens on every address is reached at that of the first device. */
function reachable(address: Endpoint): Endpoint {
  return address.host === '0.0.0.0' ? { ...address, host: PACKET_SERVER_HOST } : address;
}

/** Where a server is reached, once it is there, and by what it is seen. */
type Reach = Pick<RunRequest, 'endpoints' | 'plans' | 'adminUrl' | 'mediaUrl' | 'processes' | 'nodes'>;

function reachOf(target: PlannedTarget, server: StartedServer | undefined): Reach {
  if (target.kind !== 'embedded') {
    const { endpoints, plans, adminUrl, mediaUrl } = target;
    return { endpoints, plans, adminUrl, mediaUrl, processes: processesOf(target, server) };
  }
  if (server instanceof EmbeddedCluster) {
    const { addresses, nodes } = server;
    const plans = withEndpoints(target.plans, addresses);
    return { endpoints: addresses, plans, adminUrl: null, nodes, mediaUrl: null, processes: null };
  }
  const { addresses = [], adminUrl = null, mediaUrl = null } = server instanceof EmbeddedServer ? server : {};
  const endpoints = addresses.map(reachable);
  const plans = withEndpoints(target.plans, endpoints);
  return { endpoints, plans, adminUrl, mediaUrl, processes: null };
}

function processesOf(target: PlannedTarget, server: StartedServer | undefined): ServerProcesses | null {
  if (server instanceof CommandServer) return server.processes;
  if (target.kind !== 'external' || !target.processes) return null;
  const { processes } = target;
  return 'pid' in processes ? new ProcessTree(() => processes.pid) : new ProcessGroup(processes.cgroup);
}

/** Of all nodes. */
function workersOf({ config }: Extract<PlannedTarget, { kind: 'embedded' }>, { target }: Scenario): number {
  return config.workers * ((target.kind === 'embedded' && target.cluster?.nodes) || 1);
}

async function load(
  { scenario, source }: LoadedScenario,
  target: PlannedTarget,
  server: StartedServer | undefined,
  { folder, signal, skipsFirstContact, coordinator, control, checkpoint, watch }: HowToRun,
  observers: RunObservers,
): Promise<Measurement | undefined> {
  if (signal.aborted) return undefined;
  const reach = reachOf(target, server);
  const handle = startRun({
    scenario,
    source,
    ...reach,
    server: server ?? null,
    credentials: target.credentials,
    metrics: scenario.target.kind === 'embedded' ? null : scenario.target.metrics,
    target: {
      kind: target.kind,
      addresses: reach.endpoints.map(formatAddress),
      serverWorkers: target.kind === 'embedded' ? workersOf(target, scenario) : null,
      store: target.kind === 'embedded' ? target.config.store : null,
      driver: target.driver,
    },
    folder,
    checkpoint: (measurement) => checkpoint.take(measurement),
    ...(observers.record && { checkpointMs: WATCHED_MS }),
    ...(watch && { watch }),
    coordinator,
    skipsFirstContact,
    version: packageVersion(),
  });
  control.attach(handle);
  if (observers.phase) handle.on('phase', observers.phase);
  if (observers.sample) handle.on('sample', observers.sample);
  if (observers.recorded) handle.on('recorded', observers.recorded);
  if (observers.agents) handle.on('agents', observers.agents);
  const interrupt = (): void => handle.interrupt(control.whyStopped);
  signal.addEventListener('abort', interrupt);
  server?.died.then((reason) => handle.targetDied(reason));
  try {
    return await handle.measurement;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
