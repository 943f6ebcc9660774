import type { AgentPlan, DriverPlan, Endpoint, TlsPlan } from '../loadgen/agent-messages.js';
import type { AgentHost } from '../loadgen/coordination/coordinator.js';
import { THIS_HOST, thisHost } from '../loadgen/coordination/local-agents.js';
import { loadDriver } from '../loadgen/drivers/load-driver.js';
import { readHostFacts } from '../loadgen/host-facts.js';
import { type PlanHost, planAgents } from '../loadgen/plan.js';
import { PACKET_SERVER_HOST } from '../loadgen/transports/packets/packet-addresses.js';
import { demandInstalled } from '../native/native-part.js';
import type { Credentials } from '../protocol/user-token.js';
import { InputError } from '../record/input-error.js';
import type { Promises } from '../record/promises.js';
import type {
  AddressedTarget,
  CommandTarget,
  ExternalTarget,
  Scenario,
  ServerCommand,
  WatchedProcesses,
} from '../scenarios/scenario.js';
import { isTlsProblem, readTlsFiles } from '../scenarios/tls-files.js';
import type { TlsFiles } from '../scenarios/tls-schema.js';
import type { ServerConfig } from '../server/config.js';
import { demandNatsServer } from './cluster/nats-program.js';
import { checkDriver } from './driver-limits.js';
import { embeddedConfig } from './embedded-target.js';
import { resolveEndpoint } from './endpoints.js';
import { packageVersion } from './version.js';

/** What a run goes against: a server that it starts itself, or addresses where one is said to listen. */
export type PlannedTarget = {
  /** Which clients will be in which agent; without endpoints as long as the server is not there. */
  plans: AgentPlan[];
  /** Seconds since 1970, as in `PlanFacts`. */
  run: number;
  credentials: Credentials | null;
  driver: { name: string; promises: Promises };
} & (
  | { kind: 'embedded'; config: ServerConfig }
  | ({ kind: 'command'; command: ServerCommand; listening: Endpoint[] } & Reach)
  | ({ kind: 'external'; processes: WatchedProcesses | null } & Reach)
);

/** Where a server is reached that is not ours. */
interface Reach {
  /** What the clients dial. */
  endpoints: Endpoint[];
  adminUrl: string | null;
  mediaUrl: string | null;
}

/**
 * Starts nothing.
 * @param hosts that agents may be put on
 * @throws InputError for settings that the server does not take, and for what the protocol cannot do; EndpointError for a
 * name that does not resolve, MissingPartError
 */
export async function planTarget(
  scenario: Scenario,
  hosts: readonly AgentHost[] = [thisHost(packageVersion())],
): Promise<PlannedTarget> {
  const { target } = scenario;
  const { openFiles } = readHostFacts();
  if (scenario.media) demandInstalled('sharp');
  // What the agents cannot do is better told now than when a server is running.
  const run = Math.floor(Date.now() / 1000);
  const planned = (serverWorkers: number) => ({ run, hosts: planHosts(hosts, serverWorkers) });
  if (target.kind === 'embedded') {
    if (target.cluster) demandNatsServer();
    const config = embeddedConfig(scenario, target, openFiles.soft);
    if (config.store !== 'memory') demandInstalled('lmdb');
    const credentials = credentialsOf(config);
    const driver: DriverPlan = { name: 'c2m', settings: { credentials } };
    const promises = await checkDriver(scenario, driver);
    const plans = planAgents(scenario, {
      ...planned(config.workers * (target.cluster?.nodes ?? 1)),
      endpoints: [],
      driver,
    });
    return { kind: 'embedded', config, plans, run, credentials, driver: { name: driver.name, promises } };
  }
  const credentials = credentialsOf(target);
  const driver = driverOf(target, credentials);
  const promises = await checkDriver(scenario, driver);
  const listening = await Promise.all(target.addresses.map((address) => resolveEndpoint(address)));
  const endpoints = target.kind === 'command' ? dialled(scenario, listening) : listening;
  // A server of the lab's own wants a core as well.
  const plans = planAgents(scenario, {
    ...planned(target.kind === 'command' ? 1 : 0),
    endpoints,
    driver,
    tls: tlsPlan(target.tls),
  });
  return {
    ...ownPart(target, listening),
    plans,
    run,
    endpoints,
    credentials,
    driver: { name: await spokenName(driver), promises },
    adminUrl: target.admin,
    mediaUrl: target.media,
  };
}

/** @param serverWorkers of a server on this host: the others have their cores for themselves */
function planHosts(hosts: readonly AgentHost[], serverWorkers: number): PlanHost[] {
  return hosts.map(({ id, name, facts }) => {
    const isHere = id === THIS_HOST;
    const freeFiles = facts.fileMax === null ? null : facts.fileMax - (facts.filesInUse ?? 0);
    return {
      id,
      name,
      cores: facts.cores,
      openFiles: facts.openFiles.soft,
      // What this machine holds `c2m doctor` estimates; whoever runs something here may try for more.
      freeFiles: isHere ? null : freeFiles,
      availableBytes: isHere ? Number.POSITIVE_INFINITY : facts.availableBytes,
      ephemeralPorts: facts.ephemeralPorts,
      serverWorkers: isHere ? serverWorkers : 0,
    };
  });
}

function ownPart(target: CommandTarget | ExternalTarget, listening: Endpoint[]) {
  if (target.kind === 'external') return { kind: target.kind, processes: target.processes };
  return { kind: target.kind, command: target.command, listening: listening.map(onLoopback) };
}

/** Over packets at the address of the device, whatever the scenario calls this host. */
function dialled({ generator }: Scenario, listening: Endpoint[]): Endpoint[] {
  return generator.transport === 'packets'
    ? listening.map((endpoint) => ({ ...endpoint, host: PACKET_SERVER_HOST }))
    : listening.map(onLoopback);
}

/** A server that listens on every address listens there too. */
function onLoopback(endpoint: Endpoint): Endpoint {
  return endpoint.host === '0.0.0.0' ? { ...endpoint, host: '127.0.0.1' } : endpoint;
}

/** Read here: agents may be on machines that have no such files. @throws InputError */
function tlsPlan(tls: TlsFiles): TlsPlan {
  const read = readTlsFiles(tls, (name) => name);
  if (isTlsProblem(read)) throw new InputError(`${read.path.join('.')}: ${read.message}`);
  return { ...read, ...(tls.serverName !== undefined && { serverName: tls.serverName }) };
}

/** What somebody calls a driver of their own says more in a record than that it is one. */
async function spokenName({ name, settings }: DriverPlan): Promise<string> {
  return name === 'own' ? (await loadDriver(name, settings)).name : name;
}

/** Our own protocol is told what clients of our server present; others have it among their settings. */
function driverOf({ driver }: AddressedTarget, credentials: Credentials | null): DriverPlan {
  return driver.name === 'c2m' ? { ...driver, settings: { credentials } } : driver;
}

function credentialsOf(from: {
  token?: string | null | undefined;
  tokenPerUser: boolean;
}): Credentials | null {
  return from.token ? { secret: from.token, isPerUser: from.tokenPerUser } : null;
}
