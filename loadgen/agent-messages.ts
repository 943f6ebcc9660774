import type { TcpCounters } from '../record/tcp-counters.js';
import type {
  ClientAction,
  GeneratorPlan,
  GroupPlan,
  MessagePlan,
  Phase,
  WebSocketPlan,
  WireProtocol,
} from '../scenarios/scenario.js';
import type { RecordedLatency } from './agent/interval-histograms.js';
import type { LedgerCounts, LedgerTotals } from './agent/ledger.js';

/**
 * What the coordinator and an agent process say to each other, over Node's IPC with `serialization: 'advanced'`.
 * All times are `monotonicMs()` (monotonic-clock.ts): CLOCK_MONOTONIC, the same for every process of a host. Between
 * hosts an `AgentLink` converts them (coordination/coordinator.ts).
 */

/** One address under test, resolved: what a client dials. */
export interface Endpoint {
  protocol: WireProtocol;
  host: string;
  /** The host as the scenario calls it, for whoever is to be asked for by name: TLS and HTTP. Undefined: it is an address there, too. */
  name?: string;
  port: number;
  /** Of ws and wss, with its query; undefined: /. */
  path?: string;
}

/** What clients speak: a driver by its name, and what it is told. */
export interface DriverPlan {
  name: string;
  settings: unknown;
}

/** What clients of TLS trust, show and ask for, as PEM texts; empty: what Node does by itself. */
export interface TlsPlan {
  ca?: string;
  cert?: string;
  key?: string;
  /** Instead of the name in the address. */
  serverName?: string;
}

/** The part of the population that one agent simulates. */
export interface AgentPlan {
  transport: GeneratorPlan['transport'];
  agent: number;
  /** Id of the host that it is for (coordination/coordinator.ts). */
  host: string;
  /** Of the scenario, the same for all agents: what falls due does not hang on how many there are. */
  seed: number;
  /** Seconds since 1970. Differs between runs: payloads carry it. */
  run: number;
  /**
   * Users firstUser … firstUser + count - 1; partners are neighbours, (0,1) (2,3) …, and so are
   * the members of a group; always in the same agent.
   */
  firstUser: number;
  count: number;
  /** The users of all agents, of which those are a part. */
  population: { firstUser: number; count: number };
  endpoints: Endpoint[];
  /** Partners dial different ones of them, so that what they say goes between two nodes of the server. */
  partnersApart: boolean;
  driver: DriverPlan;
  /** Null: nothing but what the driver asks for. */
  webSocket: WebSocketPlan | null;
  insecure: boolean;
  tls: TlsPlan;
  /** This agent's share of the scenario's. */
  connectRate: number;
  reconnectRate: number;
  connectTimeoutMs: number;
  heartbeatMs: number;
  messages: MessagePlan;
  groups: GroupPlan | null;
  /** The run has started the server, with nothing in its mailboxes. */
  isServerFresh: boolean;
  /** Texts that the messages carry by turns: a link to a file and its thumbnail; empty: noise. */
  attachments: string[];
  /**
   * It finds out whether something listens at the endpoints and speaks the protocol before it is `ready`: for the coordinator,
   * which may be where they cannot be reached.
   */
  asksFirst?: boolean;
}

export type ToAgent =
  | { kind: 'plan'; plan: AgentPlan }
  /** Begin to connect at `atMs`. */
  | { kind: 'connect'; atMs: number }
  /** The phase starts at `atMs`; its rates are those of all agents together. */
  | { kind: 'phase'; phase: Phase; atMs: number }
  /**
   * The phase goes on at `atMs` with another rate of messages, all agents together. That is a whole number of milliseconds after
   * the beginning of the phase, and all agents must have heard of it by then.
   */
  | { kind: 'rate'; messageRate: number; atMs: number }
  /** To be done at `atMs`. */
  | { kind: 'act'; action: ClientAction; atMs: number }
  /** No new messages; everyone comes back; say `drained` when nothing is outstanding. */
  | { kind: 'drain' }
  /** Say goodbye on every connection, and when all have ended send the last sample and `final`. */
  | { kind: 'finish' };

export type FromAgent =
  /** The plan is taken, the population allocated; `notes` of the first contact, where it asked first. */
  | { kind: 'ready'; notes?: string[] }
  /** Every client has logged in or failed for the first time, the last of them at `atMs`; `logins` of them did. */
  | { kind: 'connected'; logins: number; atMs: number }
  | { kind: 'drained' }
  | { kind: 'sample'; sample: AgentSample }
  /** `notes` of its driver about the server. */
  | { kind: 'final'; totals: LedgerTotals; notes?: string[] }
  /** The agent cannot go on. */
  | { kind: 'error'; message: string };

/**
 * One second of one agent, or all the seconds that it could not tell of because it was stalled. Counts are of that time,
 * levels are at its end.
 */
export interface AgentSample extends LedgerCounts {
  fromMs: number;
  toMs: number;
  /** Levels. */
  open: number;
  /** Most and fewest clients that were logged in at any moment of the interval. */
  openPeak: number;
  openLow: number;
  opening: number;
  away: number;
  inFlight: number;
  /** Counts of the interval. */
  connected: number;
  reconnected: number;
  failed: number;
  dropped: number;
  failures: Record<string, number>;
  /** Messages, and groups, that the server did not take, by reason. */
  refusals: Record<string, number>;
  /** Fell due, once for each recipient. */
  due: number;
  /** Fell due while nobody was there who could have sent it. */
  unscheduled: number;
  /** Recorded in the interval; by the phase in which it was due. */
  latency: RecordedLatency;
  /** Of the packet transport; null over sockets. */
  tcp: TcpCounters | null;
  eventLoopLagMs: number;
  /** Of the process since the run began, and when it was read: a rate is over the time in which the CPU was used. */
  cpuSeconds: number;
  cpuReadAtMs: number;
  privateBytes: number;
}
