import type { RunRecord } from '../record/run.js';
import { addTcp, noTcp, type TcpCounters } from '../record/tcp-counters.js';
import type { TimelineSample } from '../record/timeline.js';
import { LatencyBuckets, type RecordedCounts } from './latency-buckets.js';
import { LONE_RUN, type RunPlace } from './run-place.js';

/** What is known of a run before it begins. */
export interface KnownRun {
  scenario: string;
  version: string;
  clients: number;
  /** In order; connecting and draining are not among them. */
  phases: readonly string[];
  lagLimitMs: number;
  /** Left out: it is the only run of its command. */
  place?: RunPlace;
}

/** Who simulates the clients. */
export interface AgentsState {
  agents: number;
  hosts: number;
  lost: readonly unknown[];
}

type Counts = Record<string, number>;

/** More reasons than this are one: a server that makes one up for each connection gets no room for it. */
const MOST_REASONS = 200;
const OTHER_REASONS = 'other';

/**
 * What one run has been until now: sums of what every second of the timeline tells, the levels of the newest, and the
 * record so far, which the run makes every few seconds.
 */
export class RunState {
  readonly known: KnownRun;
  readonly place: RunPlace;
  /** Wall clock: where its counters began. */
  readonly startedAtMs = Date.now();
  phase: string | undefined;
  elapsedSeconds = 0;
  peak = 0;
  /** The newest second; undefined: there was none yet. */
  sample: TimelineSample | undefined;
  /** What the server said last: not every second has something new. */
  server: TimelineSample['server'] = null;
  readonly nodes = new Map<string, NonNullable<NonNullable<TimelineSample['server']>['nodes']>[number]>();
  readonly serverMetrics: Counts = {};
  readonly messages: Counts = {};
  readonly connections: Counts = {};
  readonly failures: Counts = {};
  tcp: TcpCounters | null = null;
  agents: AgentsState | undefined;
  readonly latency = new Map<string, LatencyBuckets>();
  /** Judged by what was measured until now; once the run has ended, its record. */
  record: RunRecord | undefined;
  hasEnded = false;

  constructor(known: KnownRun) {
    this.known = known;
    this.place = known.place ?? LONE_RUN;
  }

  take(sample: TimelineSample): void {
    const { connections, messages, generator, server } = sample;
    this.sample = sample;
    this.elapsedSeconds = sample.t;
    this.peak = Math.max(this.peak, connections.peak ?? connections.open);
    addAll(this.messages, messages);
    const { connected, failed, dropped } = connections;
    addAll(this.connections, { connected, failed, dropped });
    this.#addFailures(connections.failures);
    if (generator.tcp) this.tcp = addTcp(this.tcp ?? noTcp(), generator.tcp);
    if (server) {
      this.server = server;
      for (const node of server.nodes ?? []) this.nodes.set(node.name, node);
    }
    Object.assign(this.serverMetrics, sample.serverMetrics);
  }

  recorded(kinds: ReadonlyMap<string, RecordedCounts>): void {
    for (const [kind, counts] of kinds) {
      const buckets = this.latency.get(kind) ?? new LatencyBuckets();
      buckets.add(counts);
      this.latency.set(kind, buckets);
    }
  }

  /** @param record as the folder of the run has it now, which has ended by then */
  ended(record: RunRecord): void {
    this.record = record;
    this.hasEnded = true;
    this.phase = undefined;
  }

  #addFailures(failures: Counts): void {
    for (const [reason, count] of Object.entries(failures)) {
      const isKnown = Object.hasOwn(this.failures, reason);
      const name = isKnown || Object.keys(this.failures).length < MOST_REASONS ? reason : OTHER_REASONS;
      this.failures[name] = (this.failures[name] ?? 0) + count;
    }
  }
}

function addAll(sums: Counts, more: Counts): void {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
}
