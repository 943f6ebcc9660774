import type { Gate } from '../record/gate.js';
import type { DriverChoice } from './driver-schema.js';
import type { PublishedResultName } from './published-results.js';
import type { TlsFiles } from './tls-schema.js';

/**
 * A scenario as it runs: read from YAML, checked, defaults filled in, units normalized.
 * Durations are milliseconds, rates are per second, sizes are bytes, shares are 0 to 1.
 */
export interface Scenario {
  name: string;
  description: string;
  /** Everything random in a run follows from it. */
  seed: number;
  target: Target;
  clients: ClientPlan;
  messages: MessagePlan;
  /** Null: everybody writes to one partner only. */
  groups: GroupPlan | null;
  /** Files that go up and down over HTTP while the phases last; null: none. */
  media: MediaPlan | null;
  phases: Phase[];
  /** By time. */
  actions: Action[];
  generator: GeneratorPlan;
  agents: AgentsPlan;
  /** A published result that the report lays the run beside. */
  reference: PublishedResultName | null;
  gates: Gate[];
}

/** `embedded`: the lab starts the reference server itself; `command`: it starts another; `external`: one that runs already. */
export type Target = EmbeddedTarget | CommandTarget | ExternalTarget;

export interface EmbeddedTarget {
  kind: 'embedded';
  /** How clients reach it; `ws` and `wss` are binary WebSocket messages. */
  protocol: WireProtocol;
  /** 'auto': planned from the open-file limit and the cores. */
  workers: number | 'auto';
  store: 'lmdb' | 'memory';
  /** Left out: one server. Of a cluster the store is NATS. */
  cluster?: ClusterPlan;
  /** Overrides of the server's configuration, by its own names. */
  settings: Record<string, unknown>;
}

/** Nodes that the lab starts, and the servers of NATS that they share. */
export interface ClusterPlan {
  nodes: number;
  nats: number;
  /** Servers of NATS that keep each log. */
  replicas: 1 | 3 | 5;
  homes: number;
}

/** A server that is not ours: where it listens, and what is spoken there. */
export interface AddressedTarget {
  /** `tcp://host:port`, `tls://…`, `ws://…`, `wss://…`; clients spread over them. */
  addresses: string[];
  /** Admin URL of the server (`http://127.0.0.1:9464`) for its queues and memory, if it has one. */
  admin: string | null;
  /** URL of the server's media port, if it has one. */
  media: string | null;
  /** Hosts outside loopback that load may go to, named on purpose. */
  allow: string[];
  token: string | null;
  /** `token` is the secret from which the token of each user follows. */
  tokenPerUser: boolean;
  /** Accept a self-signed certificate. */
  insecure: boolean;
  /** What clients of TLS show, trust and ask for; empty: what Node does by itself. */
  tls: TlsFiles;
  /** What clients speak. */
  driver: DriverChoice;
  /** How they ask for the upgrade, over ws and wss. */
  websocket: WebSocketPlan;
  /** What the server says of itself; null: nothing that is read. */
  metrics: MetricsPage | null;
}

export interface ExternalTarget extends AddressedTarget {
  kind: 'external';
  /** Of this host, which are the server: they are measured, and nothing else is done to them. Null: not known. */
  processes: WatchedProcesses | null;
}

export interface CommandTarget extends AddressedTarget {
  kind: 'command';
  command: ServerCommand;
}

/** How the lab starts and ends a server that is not ours. */
export interface ServerCommand {
  /** Program and arguments. */
  run: string[];
  /** Folder that it runs in. */
  cwd: string;
  /** Beside the variables of the lab. */
  env: Record<string, string>;
  /** By then all addresses take connections. */
  readyWithinMs: number;
  /** From SIGTERM to SIGKILL. */
  stopWithinMs: number;
}

/** A process with all that came from it, or the members of a control group. */
export type WatchedProcesses = { pid: number } | { cgroup: string };

/** A page in the text format of Prometheus. */
export interface MetricsPage {
  url: string;
  series: MetricSeries[];
}

export interface MetricSeries {
  /** In the record and in gates. */
  name: string;
  metric: string;
  /** Those that count; several series that have them are added up. */
  labels: Record<string, string>;
}

export interface WebSocketPlan {
  /** Further lines of the request. */
  headers: Record<string, string>;
  /** Instead of those of the driver. */
  subprotocols: string[] | null;
  /** Offer permessage-deflate. */
  compression: boolean;
}

export type WireProtocol = 'tcp' | 'tls' | 'ws' | 'wss';

export interface ClientPlan {
  count: number;
  /** Connects a second, all agents together. */
  connectRate: number;
  /** A connect that has not ended in WELCOME by then has failed. */
  connectTimeoutMs: number;
  /** PING of an idle client, one every interval, spread evenly over the population. */
  heartbeatMs: number;
  /** Clients that lost their connection try again at this rate, all agents together. */
  reconnectRate: number;
  /** User ids are firstUser … firstUser + count - 1. */
  firstUser: number;
}

export interface MessagePlan {
  /** Payload size in bytes, drawn for each message; at least 24, what the ledger needs. */
  size: SizeDistribution;
  /** How messages arrive: `poisson` draws exponential gaps, `constant` spaces them evenly. */
  arrival: 'poisson' | 'constant';
}

export interface GroupPlan {
  /** Users in a group; each is in one, with its neighbours. */
  members: number;
  /** Of all messages, those that go to the sender's group and not to its partner. */
  share: number;
}

/** Of each kind. */
export const MOST_MEDIA_CONNECTIONS = 1000;

/** Rates are requests a second, all connections together. */
export interface MediaPlan {
  uploadRate: number;
  downloadRate: number;
  /** Of one file, an image. */
  bytes: number;
  /** Keep-alive connections for the uploads, and as many for the downloads. */
  connections: number;
}

export type SizeDistribution =
  | { kind: 'fixed'; bytes: number }
  | { kind: 'uniform'; minBytes: number; maxBytes: number }
  | { kind: 'lognormal'; medianBytes: number; sigma: number; maxBytes: number };

/**
 * The connect phase comes before the first phase and the drain after the last, both made by the lab:
 * `connect` ends when every client has logged in or failed, `drain` when nothing is outstanding or drainMs is over.
 */
export interface Phase {
  name: string;
  durationMs: number;
  /** Messages that fall due a second, all agents together. 0: silence. */
  messageRate: number;
  /** At the end of the phase, where that is another rate: evenly from the one to the other. Left out: it stays the same. */
  messageRateTo?: number;
  /** Share of the users who are away for the whole phase; picked by user, so the same in every phase. */
  away: number;
  /** Users a second who leave for `awayForMs` and come back, drawn at random from those connected. */
  churnRate: number;
  awayForMs: number;
  /** Share of the connections that is cut without a goodbye when the phase begins; they reconnect at once. */
  cut: number;
}

export const ACTION_KINDS = [
  'kill-worker',
  'kill-server',
  'kill-node',
  'stop-node',
  'cut-node',
  'drain-node',
  'kill-nats',
  'reload',
  'cut',
  'pause',
] as const;

/** One of several, from 1 on; `each`: the one whose turn it is; `any`: drawn at random from those that are there. */
export type Which = number | 'each' | 'any';

/** Something done at `atMs` after the beginning of the first phase: to the server, or to a share of the clients. */
export type Action = ServerAction | ClientAction;

export type ServerAction =
  /** SIGKILL to one process of the server; null: drawn at random. */
  | { kind: 'kill-worker'; atMs: number; worker: number | null }
  /** SIGKILL to all of it; it is started again on the same addresses and mailboxes. */
  | { kind: 'kill-server'; atMs: number }
  /** The same to one node of a cluster, which is started again after so long. */
  | { kind: 'kill-node'; atMs: number; node: Which; restartAfterMs: number }
  /** SIGSTOP to one, and SIGCONT after so long. */
  | { kind: 'stop-node'; atMs: number; node: Which; forMs: number }
  /** One reaches no server of NATS for so long; its clients reach it. */
  | { kind: 'cut-node'; atMs: number; node: Which; forMs: number }
  /** SIGTERM to one; once it has ended it is started again, as a deploy does. */
  | { kind: 'drain-node'; atMs: number; node: Which }
  /** SIGKILL to one server of NATS, which is started again on its data after so long. */
  | { kind: 'kill-nats'; atMs: number; nats: Which; restartAfterMs: number }
  /** Handlers from this file, or those of the server once more. */
  | { kind: 'reload'; atMs: number; handlers: string | null; isRejected: boolean };

export type ClientAction =
  | { kind: 'cut'; atMs: number; share: number }
  /** Those clients neither read nor send for `forMs`; null: until the drain. */
  | { kind: 'pause'; atMs: number; share: number; forMs: number | null };

export interface GeneratorPlan {
  /** `packets`: TCP in user space over a TUN device, in a network namespace of the run's own. */
  transport: 'sockets' | 'packets';
  /** 'auto': planned from the open-file limit and the cores. */
  agents: number | 'auto';
  /** p99 of how late messages leave; past it the verdict is `invalid`. */
  lagLimitMs: number;
  /** How long after the last phase to wait for what is outstanding. */
  drainMs: number;
}

/** Which machines the agents run on. */
export interface AgentsPlan {
  /** Where those machines are met; null: this machine does it, unless the command line says otherwise. */
  nats: string | null;
  hosts: number | 'all';
  /** Fewer are not enough to begin. */
  atLeast: number;
  waitMs: number;
  /** All of which a machine must have. */
  labels: string[];
  /** What becomes of the run when an agent is lost. */
  lost: 'invalidate' | 'tolerate';
}
