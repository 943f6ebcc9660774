import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workersFor } from '../lab/embedded-target.js';
import type { AgentPlan, DriverPlan, Endpoint } from '../loadgen/agent-messages.js';
import type { AgentHost } from '../loadgen/coordination/coordinator.js';
import { loadDriver } from '../loadgen/drivers/load-driver.js';
import { readHostFacts } from '../loadgen/host-facts.js';
import { type PlanHost, planAgents } from '../loadgen/plan.js';
import { ProcessTree } from '../loadgen/recording/server-processes.js';
import { startRun } from '../loadgen/run.js';
import { ip } from '../loadgen/transports/packets/ip-command.js';
import { clientSubnet } from '../loadgen/transports/packets/packet-addresses.js';
import type { Measurement } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import { loadScenario } from '../scenarios/load.js';
import type { ServerConfigInput } from '../server/config.js';
import { type SpawnedServer, spawnServer } from '../server/processes/spawn.js';
import { HostAgents } from './host-agents.js';
import { type JoinedHost, JoinedHosts } from './joined-hosts.js';

/** How many packet clients do what, and from where. */
export interface PacketRun {
  clients: number;
  connectsPerSecond: number;
  messagesPerSecond: number;
  seconds: number;
  /** With an agent each. */
  machines: number;
  /** Default: 100. */
  messageBytes?: number;
  /** Default: 30s. */
  connectTimeout?: string;
  /** Default: what Ethernet has. */
  wire?: Wire;
  /** The server's machine has routes back to the clients; false is what a run looks like without. */
  hasRoutes?: boolean;
}

/** What the machines are joined by. */
export interface Wire {
  /** Bytes of the largest packet on it. */
  mtu?: number;
  /** The same of a router on the way, which says so, and passes nothing on that is larger. */
  routerMtu?: number;
}

const TOKEN = 'token-of-this-measurement';
const DRIVER: DriverPlan = { name: 'c2m', settings: { credentials: { secret: TOKEN, isPerUser: false } } };
/** With more workers, most of the server's work would be to wake one of them; as an embedded server is set up. */
const MANY_WORKERS = 8;
const VERSION = '0.0.0';

/**
 * One run of packet agents on machines of their own, network namespaces on this one, against a reference server on another.
 * Everything that it makes is gone afterwards. Needs root.
 * @param signal ends it in good order within a few seconds
 */
export async function measurePackets(
  run: PacketRun,
  onSample: (sample: TimelineSample) => void = () => undefined,
  signal = new AbortController().signal,
): Promise<Measurement> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-packets-'));
  const network = new JoinedHosts(run.wire?.mtu);
  let agents: HostAgents | undefined;
  let server: SpawnedServer | undefined;
  try {
    const serverHost = network.add();
    const machines = Array.from({ length: run.machines }, () => network.add());
    if (run.wire?.routerMtu) for (const each of machines) narrow(each, serverHost, run.wire.routerMtu);
    server = await serverHost.namespace.inside(() => spawnServer(serverConfig(run.clients), folder));
    agents = new HostAgents(machines, VERSION);
    return await measure(run, { folder, agents, server, serverHost, signal }, onSample);
  } finally {
    await server?.close();
    agents?.dismantle();
    network.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Scene {
  folder: string;
  agents: HostAgents;
  server: SpawnedServer;
  serverHost: JoinedHost;
  signal: AbortSignal;
}

async function measure(run: PacketRun, scene: Scene, onSample: (sample: TimelineSample) => void) {
  const { folder, agents, server, serverHost, signal } = scene;
  const file = join(folder, 'packets.yaml');
  await writeFile(file, scenarioOf(run, scene));
  const { scenario, source } = await loadScenario(file);
  const endpoints = server.addresses.map(({ port }): Endpoint => {
    return { protocol: 'tcp', host: serverHost.address, port };
  });
  const seconds = Math.floor(Date.now() / 1000);
  const hosts = (await agents.hosts()).map(planHost);
  const plans = planAgents(scenario, { endpoints, hosts, driver: DRIVER, run: seconds }).map((plan) => {
    // The addresses are workers of one server, and no nodes.
    return { ...plan, partnersApart: false };
  });
  if (run.hasRoutes !== false) serverHost.namespace.inside(() => addRoutesBack(plans));
  const handle = startRun({
    scenario,
    source,
    endpoints,
    plans,
    coordinator: agents,
    credentials: null,
    server: null,
    adminUrl: null,
    mediaUrl: null,
    metrics: null,
    processes: new ProcessTree(() => server.pid),
    target: {
      // It was started here, so what its sockets take of the kernel is seen here.
      kind: 'command',
      addresses: [],
      serverWorkers: null,
      store: null,
      driver: {
        name: DRIVER.name,
        promises: (await loadDriver(DRIVER.name, DRIVER.settings)).promises(DRIVER.settings),
      },
    },
    folder,
    version: VERSION,
  });
  handle.on('sample', onSample);
  signal.addEventListener('abort', () => handle.interrupt());
  void server.exited.then((why) => why !== undefined && handle.targetDied(why));
  return handle.measurement;
}

function planHost({ id, name, facts }: AgentHost): PlanHost {
  const { cores, openFiles, fileMax, filesInUse, availableBytes, ephemeralPorts } = facts;
  const freeFiles = fileMax === null ? null : fileMax - (filesInUse ?? 0);
  return {
    id,
    name,
    cores,
    openFiles: openFiles.soft,
    freeFiles,
    availableBytes,
    ephemeralPorts,
    serverWorkers: 0,
  };
}

/** The machine of agents passes on no larger packets to the server, as a router would that leads to a tunnel. */
function narrow(machine: JoinedHost, server: JoinedHost, mtu: number): void {
  machine.namespace.inside(() =>
    ip('route', 'add', `${server.address}/32`, 'dev', 'eth0', 'mtu', 'lock', String(mtu)),
  );
}

/** As whoever owns the machine of the server does. */
function addRoutesBack(plans: readonly AgentPlan[]): void {
  for (const { agent, host } of plans) ip('route', 'add', clientSubnet(agent), 'via', host);
}

function serverConfig(clients: number): ServerConfigInput {
  const workers = workersFor(clients, readHostFacts().openFiles.soft);
  return {
    listen: [{ protocol: 'tcp', host: '0.0.0.0', port: 0 }],
    token: TOKEN,
    store: 'memory',
    admin: null,
    logLevel: 'error',
    workers,
    portPerWorker: true,
    ...(workers > MANY_WORKERS ? { homes: 2, coalesceMs: 75 } : {}),
    limits: { drainTimeoutMs: 500, idleTimeoutMs: 900_000 },
  };
}

function scenarioOf(run: PacketRun, { server, serverHost }: Scene): string {
  const { clients, connectsPerSecond, messagesPerSecond, seconds, machines, messageBytes = 100 } = run;
  const { connectTimeout = '30s' } = run;
  return `
name: packets
target:
  addresses: [tcp://${serverHost.address}:${server.addresses[0]?.port}]
  allow: [${serverHost.address}]
clients: { count: ${clients}, connectRate: ${connectsPerSecond}/s, connectTimeout: ${connectTimeout}, heartbeat: 600s }
messages: { size: ${messageBytes}B }
phases: [{ name: talk, duration: ${seconds}s, rate: ${messagesPerSecond}/s }]
generator: { transport: packets, agents: ${machines}, drain: 30s, lagLimit: 250ms }
`;
}
