import { isLoopback } from '../protocol/address.js';
import type { Scenario, WireProtocol } from '../scenarios/scenario.js';
import type { Endpoint } from './agent-messages.js';
import { SPARE_FILES } from './host-facts.js';
import { MOST_PACKET_CLIENTS } from './transports/packets/packet-addresses.js';

/** What counts of a machine for how many clients it holds. */
export interface PlanHost {
  id: string;
  /** For people. */
  name: string;
  cores: number;
  /** Descriptors that one process may hold; null: no limit. */
  openFiles: number | null;
  /** Descriptors that all processes together may still open; null: no limit. */
  freeFiles: number | null;
  /** Memory that is not in use. */
  availableBytes: number;
  /** Local ports for each address of a target that is another machine; null: what Linux has. */
  ephemeralPorts: number | null;
  /** Workers of a server on this host, which want cores as well; 0: the server is elsewhere. */
  serverWorkers: number;
}

/** The most clients that a machine holds, and why no more. */
export interface HostBound {
  clients: number;
  /** `28,232 ephemeral ports for each of 2 addresses` */
  why: string;
  /** What makes it more. */
  remedy: string;
}

/** Of Linux, where nobody has changed it: 32768 to 60999. */
const EPHEMERAL_PORTS = 28_232;

/** Left for the rest of the machine. */
const USABLE_MEMORY = 0.85;

/** A Node process before its first connection. */
export const PROCESS_BYTES = 64 * 1024 ** 2;

/**
 * Memory of the client's end of a connection, idle after some talk, in bytes: a kernel socket of 4.94 KiB, and what the agent
 * holds. Measured with `npm run bench` and `bench:drivers`; README.md, docs/drivers.md.
 */
const SOCKET_CLIENT_BYTES: Record<WireProtocol, number> = {
  tcp: 11 * 1024,
  ws: 12 * 1024,
  tls: 62 * 1024,
  wss: 64 * 1024,
};
/** Over packets there is no socket; docs/scaling.md. */
const PACKET_CLIENT_BYTES = 80;

/** Clients that one agent holds. A client of the packet transport is no file of the agent. */
export function clientsPerAgent({ generator }: Scenario, { openFiles }: PlanHost): number {
  if (generator.transport === 'packets') return MOST_PACKET_CLIENTS;
  if (openFiles === null) return Number.POSITIVE_INFINITY;
  return Math.max(1, openFiles - SPARE_FILES);
}

/**
 * The tightest of what bounds the clients of a machine: whatever a server on the same machine takes comes on top.
 * @param endpoints empty: a server that has yet to be started, on loopback
 */
export function boundOf(scenario: Scenario, host: PlanHost, endpoints: readonly Endpoint[]): HostBound {
  const bounds = [memoryBound(scenario, host, endpoints)];
  if (scenario.generator.transport === 'sockets') {
    if (host.freeFiles !== null) bounds.push(filesBound(host.freeFiles));
    // From loopback to loopback there are as many addresses to dial from as are wanted.
    if (endpoints.some((endpoint) => !isLoopback(endpoint.host))) bounds.push(portsBound(host, endpoints));
  }
  return bounds.reduce((least, bound) => (bound.clients < least.clients ? bound : least));
}

function memoryBound(scenario: Scenario, host: PlanHost, endpoints: readonly Endpoint[]): HostBound {
  const perAgent = clientsPerAgent(scenario, host);
  const bytes = clientBytes(scenario, endpoints) + PROCESS_BYTES / perAgent;
  return {
    clients: Math.max(0, Math.floor((host.availableBytes * USABLE_MEMORY - PROCESS_BYTES) / bytes)),
    why: `memory: ${(host.availableBytes / 1024 ** 3).toFixed(1)} GiB available, ${Math.ceil(bytes)} bytes a client`,
    remedy:
      bytes > 2 * clientBytes(scenario, endpoints)
        ? 'raise the open files of a process (ulimit -n), as each process has a few clients only'
        : 'lend machines with more memory',
  };
}

/** Memory of the client's end of a connection. */
export function clientBytes({ generator, target }: Scenario, endpoints: readonly Endpoint[]): number {
  if (generator.transport === 'packets') return PACKET_CLIENT_BYTES;
  const embedded: WireProtocol[] = target.kind === 'embedded' ? [target.protocol] : [];
  const protocols = endpoints.length > 0 ? endpoints.map(({ protocol }) => protocol) : embedded;
  return Math.max(...protocols.map((protocol) => SOCKET_CLIENT_BYTES[protocol]), SOCKET_CLIENT_BYTES.tcp);
}

function filesBound(freeFiles: number): HostBound {
  return {
    clients: Math.max(0, freeFiles - SPARE_FILES),
    why: `files of the whole system: ${words(freeFiles)} are free`,
    remedy: 'raise fs.file-max',
  };
}

/** To one address and port of another machine a client needs a local port of its own. */
function portsBound({ ephemeralPorts }: PlanHost, endpoints: readonly Endpoint[]): HostBound {
  const ports = ephemeralPorts ?? EPHEMERAL_PORTS;
  const addresses = new Set(endpoints.map(({ host, port }) => `${host} ${port}`)).size;
  return {
    clients: ports * addresses,
    why: `ephemeral ports: ${words(ports)} for each of ${addresses} ${addresses === 1 ? 'address' : 'addresses'}`,
    remedy: 'name more addresses of the target, or widen net.ipv4.ip_local_port_range',
  };
}

/** A count for people. */
export function words(count: number): string {
  return count.toLocaleString('en-US');
}
