import type { LatencyKind } from '../record/run.js';
import type { TcpCounters } from '../record/tcp-counters.js';
import type { ClientAction, GeneratorPlan, MessagePlan, Phase, WireProtocol } from '../scenarios/scenario.js';

/**
 * What the coordinator and an agent process say to each other, over Node's IPC with `serialization: 'advanced'`.
 * All times are `monotonicMs()` (monotonic-clock.ts): CLOCK_MONOTONIC, the same for every process of a host.
 */

/** One address under test, resolved: what a client dials. */
export interface Endpoint {
  protocol: WireProtocol;
  host: string;
  port: number;
}

/** The part of the population that one agent simulates. Rates are this agent's share of the scenario's. */
export interface AgentPlan {
  transport: GeneratorPlan['transport'];
  agent: number;
  seed: number;
  /** Users firstUser … firstUser + count - 1; partners are neighbours, (0,1) (2,3) …, always in the same agent. */
  firstUser: number;
  count: number;
  endpoints: Endpoint[];
  /** Loopback addresses to dial from, in turn; empty: the kernel chooses (targets that are not loopback). */
  sourceAddresses: string[];
  token: string | null;
  insecure: boolean;
  connectRate: number;
  reconnectRate: number;
  connectTimeoutMs: number;
  heartbeatMs: number;
  messages: MessagePlan;
  /** Texts that the messages carry by turns: a link to a file and its thumbnail; empty: noise. */
  attachments: string[];
}

export type ToAgent =
  | { kind: 'plan'; plan: AgentPlan }
  /** Begin to connect at `atMs`. */
  | { kind: 'connect'; atMs: number }
  /** The phase starts at `atMs`; its rates are this agent's share. */
  | { kind: 'phase'; phase: Phase; atMs: number }
  /** To be done at once. */
  | { kind: 'act'; action: ClientAction }
  /** No new messages; everyone comes back; say `drained` when nothing is outstanding. */
  | { kind: 'drain' }
  /** Say goodbye on every connection, send the last sample and `final`, then exit. */
  | { kind: 'finish' };

export type FromAgent =
  /** The plan is taken, the population allocated. */
  | { kind: 'ready' }
  /** Every client has logged in or failed for the first time, the last of them at `atMs`; `logins` of them did. */
  | { kind: 'connected'; logins: number; atMs: number }
  | { kind: 'drained' }
  | { kind: 'sample'; sample: AgentSample }
  | { kind: 'final'; ledger: LedgerTotals }
  /** The agent cannot go on. */
  | { kind: 'error'; message: string };

/** One second of one agent. Counts are of that second, levels are at its end. */
export interface AgentSample {
  fromMs: number;
  toMs: number;
  /** Levels. */
  open: number;
  opening: number;
  away: number;
  inFlight: number;
  /** Counts of the interval. */
  connected: number;
  reconnected: number;
  failed: number;
  dropped: number;
  failures: Record<string, number>;
  due: number;
  sent: number;
  accepted: number;
  delivered: number;
  receipted: number;
  duplicated: number;
  outOfOrder: number;
  redelivered: number;
  refused: number;
  /** HDR histograms of the interval in microseconds, compressed Base64; absent where nothing was recorded. */
  latency: Partial<Record<LatencyKind | 'lag', string>>;
  /** Of the packet transport; null over sockets. */
  tcp: TcpCounters | null;
  eventLoopLagMs: number;
  cpuSeconds: number;
  privateBytes: number;
}

/** The whole run of one agent, exact. */
export interface LedgerTotals {
  sent: number;
  accepted: number;
  delivered: number;
  receipted: number;
  lost: number;
  duplicated: number;
  outOfOrder: number;
  redelivered: number;
  refused: number;
  unsent: number;
}
