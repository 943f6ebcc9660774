import { randomUUID } from 'node:crypto';
import type { Measurement } from '../../record/run.js';
import { PUBLISHED_RESULTS } from '../../scenarios/published-results.js';
import { addCounts, type LedgerTotals, ledgerCounts } from '../agent/ledger.js';
import type { AgentPool } from '../agent-pool.js';
import type { HostFacts } from '../host-facts.js';
import type { MediaLoad } from '../media/media-load.js';
import type { RunRequest } from '../run-request.js';
import { summarizeBacklog } from './backlog.js';
import { describeEnvironment } from './environment.js';
import type { LatencyRecorder } from './latency-recorder.js';
import type { MemoryTrend } from './memory-trend.js';
import type { ServerPoller } from './server-poller.js';
import type { TimelineRecorder } from './timeline-recorder.js';

/** A phase as it was, monotonic; the last one has no end. */
export interface PhaseSpan {
  name: string;
  startMs: number;
  endMs: number;
}

/** All that a finished run knows. */
export interface FinishedRun {
  request: RunRequest;
  facts: HostFacts;
  /** Monotonic, and the same moment by the wall clock. */
  startMs: number;
  startedAtMs: number;
  endMs: number;
  phases: PhaseSpan[];
  marks: Measurement['marks'];
  media: MediaLoad | undefined;
  /** Undefined where the connect phase was cut short. */
  connectsPerSecond: number | undefined;
  resources: Pick<Measurement, 'memory' | 'cpu' | 'host'>;
  memoryTrend: MemoryTrend;
  notes: string[];
  isPartial: boolean;
  pool: AgentPool;
  poller: ServerPoller | undefined;
  recorder: TimelineRecorder;
  latency: LatencyRecorder;
}

/** Puts together what a run measured, in the shape of run.json. */
export function assembleMeasurement(run: FinishedRun): Measurement {
  const { request, startMs, startedAtMs, endMs, pool, recorder, latency } = run;
  const { scenario, source, target, version } = request;
  const { counts } = recorder;
  const lag = latency.summary('lag');
  const { lagLimitMs } = scenario.generator;
  const { toGroups, refusedAndDelivered, ...messages } = sumTotals(run);
  const seconds = (ms: number): number => Math.max(0, Math.round(Math.min(ms, endMs) - startMs) / 1000);
  return {
    schema: 'c2m.run/1',
    id: randomUUID(),
    name: scenario.name,
    description: scenario.description,
    startedAt: new Date(startedAtMs).toISOString(),
    durationSeconds: seconds(endMs),
    seed: scenario.seed,
    scenario: {
      file: source.file,
      source: source.text,
      overrides: source.overrides,
      resolved: scenario as unknown as Record<string, unknown>,
    },
    environment: describeEnvironment(run.facts, version),
    target,
    reference:
      scenario.reference === null
        ? null
        : { name: scenario.reference, ...PUBLISHED_RESULTS[scenario.reference] },
    phases: run.phases.map((phase) => ({
      name: phase.name,
      startSeconds: seconds(phase.startMs),
      endSeconds: seconds(phase.endMs),
      latency: latencies(latency, phase.name),
      memory: run.memoryTrend.summary(phase.name),
    })),
    marks: run.marks,
    connections: {
      target: scenario.clients.count,
      peak: counts.peak,
      failed: counts.failed,
      connectsPerSecond: run.connectsPerSecond ?? counts.connected / Math.max(0.001, seconds(endMs)),
      dropped: counts.dropped,
      reconnects: counts.reconnected,
      failures: counts.failures,
    },
    messages,
    refusals: counts.refusals,
    groups: scenario.groups && { members: scenario.groups.members, messages: toGroups },
    media: run.media?.summary(latency) ?? null,
    latency: latencies(latency),
    generator: {
      agents: pool.plans.length,
      lagMs: { p50: lag.p50, p99: lag.p99, max: lag.max },
      lagLimitMs,
      tcp: recorder.tcp,
      valid: lag.p99 === null || lag.p99 <= lagLimitMs,
    },
    backlog: summarizeBacklog(run.poller, startedAtMs),
    ...run.resources,
    notes: [...run.notes, ...ledgerNotes(messages.leftOver, refusedAndDelivered), ...restartNotes(run)],
    isPartial: run.isPartial,
  };
}

function latencies(recorder: LatencyRecorder, phase?: string): Measurement['latency'] {
  return {
    connect: recorder.summary('connect', phase),
    accepted: recorder.summary('accepted', phase),
    delivered: recorder.summary('delivered', phase),
    receipt: recorder.summary('receipt', phase),
  };
}

/** Workers of the server that died and came back while the run was on. */
function restartNotes({ poller, startedAtMs }: FinishedRun): string[] {
  return (poller?.restarts ?? [])
    .filter(({ atMs }) => atMs >= startedAtMs)
    .map(({ atMs, reason }) => {
      const seconds = ((atMs - startedAtMs) / 1000).toFixed(1);
      return `${reason}; it was started again at ${seconds} s, and its clients reconnected`;
    });
}

/**
 * The messages of all agents. Where an account never came, because the agent died, what its samples said stands in:
 * what was under way when it died counts as lost.
 */
function sumTotals({ pool, recorder }: FinishedRun): LedgerTotals {
  return pool.plans
    .map((_, agent): LedgerTotals => {
      const samples = recorder.sumsOf(agent);
      const counts = ledgerCounts((name) => samples[name]);
      return pool.totals(agent) ?? { ...counts, lost: samples.inFlight, unsent: 0, refusedAndDelivered: 0 };
    })
    .reduce(addCounts);
}

/** What one should know beside the figures of the ledger, which only count. */
function ledgerNotes(leftOver: number, refusedAndDelivered: number): string[] {
  const notes: string[] = [];
  if (leftOver > 0)
    notes.push(`${leftOver} messages of an earlier run were in the mailboxes; they do not count here`);
  if (refusedAndDelivered > 0) {
    notes.push(
      `${refusedAndDelivered} of the messages that were refused were delivered all the same: ` +
        'they were sent again, and the server could not tell that it had them',
    );
  }
  return notes;
}
