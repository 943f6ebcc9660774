import { type HostFacts, SPARE_FILES } from '../loadgen/host-facts.js';
import { formatCount } from '../reports/format.js';
import type { GeneratorPlan, WireProtocol } from '../scenarios/scenario.js';

type Transport = GeneratorPlan['transport'];

/**
 * Memory of one connection whose both ends are on this host, idle after some talk, in bytes: two kernel sockets
 * (4.94 KiB each) and what server and agent hold for it. Measured with `c2m run`; see docs/scenario.md.
 */
export const CONNECTION_BYTES: Record<WireProtocol, number> = {
  tcp: 16 * 1024,
  ws: 24 * 1024,
  tls: 96 * 1024,
  wss: 104 * 1024,
};

/** What one connection costs each of the three that hold it, in bytes. */
export interface ConnectionCost {
  kernel: number;
  server: number;
  client: number;
}

const PACKET_CLIENT_BYTES = 75;

/**
 * The same with the packet transport, whose clients have no kernel socket: one file and one socket a connection.
 * Measured with `c2m run two-million` and `two-million-websocket`; see docs/scaling.md.
 */
const PACKET_CONNECTION_COST: Partial<Record<WireProtocol, ConnectionCost>> = {
  tcp: { kernel: 3840, server: 1940, client: PACKET_CLIENT_BYTES },
  ws: { kernel: 3840, server: 3900, client: 80 },
};

/** What the packet transport carries. */
export const PACKET_PROTOCOLS = Object.keys(PACKET_CONNECTION_COST) as WireProtocol[];

/** A Node process before its first connection, with its share of garbage. */
const PROCESS_BYTES = 64 * 1024 ** 2;
/** A server worker of many, which is started small. */
const SMALL_PROCESS_BYTES = 16 * 1024 ** 2;
/** Left for the rest of the machine. */
const USABLE_MEMORY = 0.85;

export interface Capacity {
  /** Connections, server and agents together on this host. */
  connections: number;
  /** What ends it: `memory`, `fs.file-max`, `connection tracking`. */
  boundBy: string;
  bytesPerConnection: number;
  /** What a connection costs whom; null where the transport's ends are not told apart. */
  cost: ConnectionCost | null;
  filesPerConnection: number;
}

/** What the host holds of one protocol; an estimate, which a run replaces by a measurement. */
export function capacityOf(
  facts: HostFacts,
  protocol: WireProtocol,
  transport: Transport = 'sockets',
): Capacity {
  const cost = transport === 'packets' ? (PACKET_CONNECTION_COST[protocol] ?? null) : null;
  const bytesPerConnection = cost
    ? cost.kernel + cost.server + cost.client + SMALL_PROCESS_BYTES / clientsPerProcess(facts)
    : CONNECTION_BYTES[protocol] + (2 * PROCESS_BYTES) / clientsPerProcess(facts);
  const filesPerConnection = transport === 'packets' ? 1 : 2;
  const bounds: [string, number][] = [
    ['memory', (facts.availableBytes * USABLE_MEMORY) / bytesPerConnection],
    [
      'fs.file-max',
      ((facts.fileMax ?? Number.POSITIVE_INFINITY) - (facts.filesInUse ?? 0)) / filesPerConnection,
    ],
    ['connection tracking', facts.conntrackMax ?? Number.POSITIVE_INFINITY],
  ];
  const [boundBy, connections] = bounds.reduce(
    (least, bound) => (bound[1] < least[1] ? bound : least),
    ['', Infinity],
  );
  return {
    connections: Math.max(0, Math.floor(connections)),
    boundBy,
    bytesPerConnection,
    cost,
    filesPerConnection,
  };
}

/** Clients over TCP sockets that a host holds whose server is elsewhere: it has one end of each connection. */
export function clientCapacityOf(facts: HostFacts): number {
  const bytesPerClient = CONNECTION_BYTES.tcp / 2 + PROCESS_BYTES / clientsPerProcess(facts);
  const files = (facts.fileMax ?? Number.POSITIVE_INFINITY) - (facts.filesInUse ?? 0);
  return Math.max(0, Math.floor(Math.min((facts.availableBytes * USABLE_MEMORY) / bytesPerClient, files)));
}

/** The same over packets, where a client is no socket. */
export function packetClientCapacityOf({ availableBytes, conntrackMax }: HostFacts): number {
  const fitting = (availableBytes * USABLE_MEMORY) / PACKET_CLIENT_BYTES;
  return Math.floor(Math.min(fitting, conntrackMax ?? Number.POSITIVE_INFINITY));
}

/** Connections that one process can hold. */
export function clientsPerProcess({ openFiles }: HostFacts): number {
  return openFiles.soft === null ? 1_000_000 : Math.max(1, openFiles.soft - SPARE_FILES);
}

/** A limit worth raising, with what raises it. */
export interface Advice {
  limit: string;
  why: string;
  commands: string[];
}

/** What to change for more connections, or for faster connects; nothing is changed here. */
export function adviceFor(facts: HostFacts): Advice[] {
  const advice: Advice[] = [];
  const { openFiles, openFilesCeiling, ephemeralPorts, fileMax, somaxconn, tcpMaxSynBacklog, conntrackMax } =
    facts;
  if (openFiles.soft !== null && openFiles.soft < 200_000) {
    advice.push({
      limit: `open files: ${formatCount(openFiles.soft)} a process`,
      why: 'every process holds that many connections less 1,000; more of them means fewer processes',
      commands: [
        ...(openFilesCeiling !== null && openFilesCeiling < 1_048_576
          ? ['sysctl -w fs.nr_open=1048576']
          : []),
        'ulimit -n 1048576',
      ],
    });
  }
  if (somaxconn !== null && somaxconn < 16_384) {
    advice.push({
      limit: `accept queue: ${formatCount(somaxconn)}`,
      why: 'connects faster than the server accepts wait here; what does not fit waits a second and tries again',
      commands: ['sysctl -w net.core.somaxconn=65535'],
    });
  }
  if (tcpMaxSynBacklog !== null && tcpMaxSynBacklog < 16_384) {
    advice.push({
      limit: `SYN queue: ${formatCount(tcpMaxSynBacklog)}`,
      why: 'bounds the connects a second, together with the accept queue',
      commands: ['sysctl -w net.ipv4.tcp_max_syn_backlog=65535'],
    });
  }
  if (ephemeralPorts !== null && ephemeralPorts < 50_000) {
    advice.push({
      limit: `ephemeral ports: ${formatCount(ephemeralPorts)} for each pair of addresses`,
      why: 'agents dial from many loopback addresses, so this binds only against another machine',
      commands: ['sysctl -w net.ipv4.ip_local_port_range="10240 65535"'],
    });
  }
  if (fileMax !== null && fileMax < 4_500_000) {
    advice.push({
      limit: `files of the whole system: ${formatCount(fileMax)}`,
      why: 'a connection takes two of them when server and agents share the machine',
      commands: ['sysctl -w fs.file-max=5000000'],
    });
  }
  if (conntrackMax !== null) {
    advice.push({
      limit: `connection tracking: ${formatCount(conntrackMax)}`,
      why: 'the firewall keeps track of every connection and drops what is past this',
      commands: ['sysctl -w net.netfilter.nf_conntrack_max=5000000'],
    });
  }
  return advice;
}
