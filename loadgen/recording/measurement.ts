import { randomUUID } from 'node:crypto';
import { agentLosses, lossWords } from '../../record/agent-losses.js';
import { type Promises, whyUntold } from '../../record/promises.js';
import { LATENCY_KINDS, type Measurement, type RecordedAgent } from '../../record/run.js';
import { contradictions } from '../../record/sums.js';
import { PUBLISHED_RESULTS } from '../../scenarios/published-results.js';
import { addCounts, type LedgerTotals, ledgerCounts } from '../agent/ledger.js';
import { summarizeBacklog } from './backlog.js';
import { describeEnvironment } from './environment.js';
import type { FinishedRun } from './finished-run.js';
import { clockNotes, remainingNotes } from './host-notes.js';
import type { LatencyRecorder } from './latency-recorder.js';
import { recordedHosts } from './recorded-hosts.js';

/** Puts together what a run measured, in the shape of run.json. */
export function assembleMeasurement(run: FinishedRun): Measurement {
  const { request, startMs, startedAtMs, endMs, pool, recorder, latency } = run;
  const { scenario, source, target, version } = request;
  const { counts } = recorder;
  const { lagLimitMs } = scenario.generator;
  const media = run.media?.summary(latency) ?? null;
  const { toGroups, refusedAndDelivered, ...messages } = sumTotals(run);
  const { due, unscheduled } = counts;
  const hosts = recordedHosts(run);
  const faults = generatorFaults(run, hosts);
  const serverMetrics = run.watches.metrics?.summary() ?? [];
  const homes = run.watches.admin?.homes;
  const nodes = run.nodes.summary(homes?.byNode(startedAtMs));
  const seconds = (ms: number): number => Math.max(0, Math.round(Math.min(ms, endMs) - startMs) / 1000);
  const phases = run.phases.map((phase) => ({
    name: phase.name,
    startSeconds: seconds(phase.startMs),
    endSeconds: seconds(phase.endMs),
    latency: latencies(latency, phase.name),
    lagMs: lagOf(latency, 'lag', phase.name),
    connectLagMs: lagOf(latency, 'connectLag', phase.name),
    memory: run.memoryTrend.summary(phase.name),
  }));
  const measurement: Measurement = {
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
      ...(source.bases && { bases: source.bases.map(({ file, text }) => ({ file, source: text })) }),
      resolved: scenario as unknown as Record<string, unknown>,
    },
    environment: describeEnvironment(run.facts, version),
    hosts,
    target: { ...target, died: run.died },
    reference:
      scenario.reference === null
        ? null
        : { name: scenario.reference, ...PUBLISHED_RESULTS[scenario.reference] },
    phases,
    marks: [...run.marks, ...(homes?.marks(startedAtMs) ?? [])].sort(
      (one, other) => one.atSeconds - other.atSeconds,
    ),
    ...(run.rateChanges.length > 0 && { rateChanges: run.rateChanges }),
    ...(run.aborted && { aborted: run.aborted }),
    connections: {
      target: scenario.clients.count,
      peak: counts.peak,
      failed: counts.failed,
      connectsPerSecond: run.connectsPerSecond ?? counts.connected / Math.max(0.001, seconds(endMs)),
      dropped: counts.dropped,
      reconnects: counts.reconnected,
      failures: counts.failures,
      unknown: clientsOf(hosts, isLost),
    },
    messages: { due, unscheduled, ...told(messages, target.driver.promises) },
    refusals: counts.refusals,
    groups: scenario.groups && { members: scenario.groups.members, messages: toGroups },
    media,
    latency: latencies(latency),
    generator: {
      agents: pool.plans.length,
      lagMs: lagOf(latency, 'lag'),
      connectLagMs: lagOf(latency, 'connectLag'),
      lagLimitMs: scenario.generator.lagLimitMs,
      tcp: recorder.tcp,
      valid: faults.length === 0,
      faults,
    },
    backlog: summarizeBacklog(run.watches.admin, startedAtMs),
    ...run.resources,
    ...(nodes.length > 0 && { nodes }),
    ...(homes && { cluster: homes.summary(startedAtMs) }),
    serverProcesses: run.watches.processes?.most ?? null,
    serverMetrics,
    notes: [
      ...run.notes,
      ...(scenario.agents.lost === 'tolerate'
        ? remainingNotes(hosts, scenario, phases, run.rateChanges)
        : []),
      ...clockNotes(hosts),
      ...metricsNotes(serverMetrics),
      ...ledgerNotes(messages.leftOver, refusedAndDelivered),
      ...mediaNotes(media, lagLimitMs),
      ...restartNotes(run),
    ],
    isPartial: run.isPartial,
  };
  return { ...measurement, notes: [...measurement.notes, ...contradictionNotes(measurement, run)] };
}

/** A fault of c2m: whoever reads the record must know. */
function contradictionNotes(measurement: Measurement, { isPartial }: FinishedRun): string[] {
  if (isPartial) return [];
  return contradictions(measurement).map((words) => `this record contradicts itself: ${words}`);
}

/** The account without what the protocol cannot tell: nothing was counted there, and zero would be a claim. */
function told<Counts extends Record<string, number>>(
  counts: Counts,
  promises: Promises,
): Counts & Pick<Measurement['messages'], 'accepted' | 'receipted' | 'outOfOrder'> {
  const entries = Object.entries(counts).map(([name, count]) => [
    name,
    whyUntold(promises, `messages.${name}`) === undefined ? count : null,
  ]);
  return Object.fromEntries(entries);
}

function latencies(recorder: LatencyRecorder, phase?: string): Measurement['latency'] {
  return Object.fromEntries(
    LATENCY_KINDS.map((kind) => [kind, recorder.summary(kind, phase)]),
  ) as Measurement['latency'];
}

function lagOf(
  recorder: LatencyRecorder,
  kind: 'lag' | 'connectLag',
  phase?: string,
): Measurement['generator']['lagMs'] {
  const { p50, p99, p999, max } = recorder.summary(kind, phase);
  return { p50, p99, p999, max };
}

const ENOUGH_FOR_P99 = 100;

/** More packets than one in so many may not be lost on the generator's own device. */
const PACKETS_FOR_ONE_DROP = 1000;

/** Why the run would flatter the server, or blame it: what the generator did not do that it should have. */
function generatorFaults(
  { request, phases, latency, recorder }: FinishedRun,
  hosts: Measurement['hosts'],
): string[] {
  const { generator, agents } = request.scenario;
  const { lagLimitMs } = generator;
  const late = (lagMs: number | null): lagMs is number => lagMs !== null && lagMs > lagLimitMs;
  const ofRun = latency.summary('lag').p99;
  const faults = phases.flatMap(({ name }) => {
    const { p99, count } = latency.summary('lag', name);
    // Of fewer, one pause of the machine is the p99.
    return late(p99) && count >= ENOUGH_FOR_P99
      ? [`messages of phase ${name} left ${rounded(p99)} ms late (p99)`]
      : [];
  });
  if (late(ofRun) && faults.length === 0) faults.push(`messages left ${rounded(ofRun)} ms late (p99)`);
  // Whoever tolerates a loss wants to know what the rest did, and there must be one.
  if (agents.lost === 'invalidate' || clientsOf(hosts, isLost) === clientsOf(hosts, () => true))
    faults.push(...agentLosses(hosts).map(lossWords));
  const tcp = recorder.tcp;
  if (tcp && tcp.tunDrops * PACKETS_FOR_ONE_DROP > tcp.segmentsIn + tcp.segmentsOut)
    faults.push(`its device dropped ${tcp.tunDrops} packets`);
  return faults;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** A name that was mistyped looks like a server that has nothing to say. */
function metricsNotes(metrics: NonNullable<Measurement['serverMetrics']>): string[] {
  const untold = metrics.filter(({ last }) => last === null).map(({ name }) => name);
  if (untold.length === 0) return [];
  return [`the server's page of metrics never had a number for ${untold.join(', ')} (target.metrics.series)`];
}

/** Workers of the server that died and came back while the run was on. */
function restartNotes({ watches, startedAtMs }: FinishedRun): string[] {
  return (watches.admin?.restarts ?? [])
    .filter(({ atMs }) => atMs >= startedAtMs)
    .map(({ atMs, reason }) => {
      const seconds = ((atMs - startedAtMs) / 1000).toFixed(1);
      return `${reason}; it was started again at ${seconds} s, and its clients reconnected`;
    });
}

function isLost({ lost }: RecordedAgent): boolean {
  return lost !== null;
}

function clientsOf(hosts: Measurement['hosts'], which: (agent: RecordedAgent) => boolean): number {
  return hosts
    .flatMap((host) => host.agents)
    .filter(which)
    .reduce((sum, { clients }) => sum + clients, 0);
}

/**
 * The messages of all agents. Where an account never came, because the agent was lost, what its samples said stands in:
 * what was under way then may have arrived or not, and nobody knows.
 */
function sumTotals({ pool, recorder }: FinishedRun): LedgerTotals & { unknown: number } {
  return pool.plans
    .map((_, agent): LedgerTotals & { unknown: number } => {
      const totals = pool.totals(agent);
      if (totals) return { ...totals, unknown: 0 };
      const samples = recorder.sumsOf(agent);
      const counts = ledgerCounts((name) => samples[name]);
      const notKnown = {
        lost: 0,
        acceptedNotDelivered: 0,
        deliveredNotReceipted: 0,
        unsent: 0,
        heldBack: 0,
        refusedAndDelivered: 0,
      };
      return { ...counts, ...notKnown, unknown: samples.inFlight };
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

/** What was never asked, and where the figures of media are the generator's as well. */
function mediaNotes(media: Measurement['media'], lagLimitMs: number): string[] {
  if (!media) return [];
  return (['uploads', 'downloads'] as const).flatMap((kind) => {
    const { due, unsent, lagMs } = media[kind];
    const notes: string[] = [];
    if (unsent) {
      notes.push(
        `${unsent} of the ${due} ${kind} that fell due were never asked: they waited for a connection until the run ` +
          'ended, or too many waited already; their wait is in no latency',
      );
    }
    if (lagMs.p99 !== null && lagMs.p99 > lagLimitMs) {
      notes.push(
        `${kind} left ${Math.round(lagMs.p99)} ms late (p99) by the generator's own fault, past its limit of ` +
          `${lagLimitMs} ms; their latencies are too high by that`,
      );
    }
    return notes;
  });
}
