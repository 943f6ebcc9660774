import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Checkpoint } from '../lab/checkpoint.js';
import { recordMaker } from '../lab/record-of.js';
import { IntervalHistograms } from '../loadgen/agent/interval-histograms.js';
import type { AgentPlan, AgentSample } from '../loadgen/agent-messages.js';
import type { AgentPool } from '../loadgen/coordination/agent-pool.js';
import { thisHost } from '../loadgen/coordination/local-agents.js';
import { loadDriver } from '../loadgen/drivers/load-driver.js';
import { readHostFacts } from '../loadgen/host-facts.js';
import { AgentSummaries } from '../loadgen/recording/agent-summary.js';
import { emptySample } from '../loadgen/recording/agent-sums.js';
import { LatencyRecorder } from '../loadgen/recording/latency-recorder.js';
import { assembleMeasurement } from '../loadgen/recording/measurement.js';
import { MemoryTrend } from '../loadgen/recording/memory-trend.js';
import { NodeSummaries } from '../loadgen/recording/node-summaries.js';
import { ServerPoller } from '../loadgen/recording/server-poller.js';
import type { ServerWatches } from '../loadgen/recording/server-watches.js';
import { TimelineRecorder } from '../loadgen/recording/timeline-recorder.js';
import type { QueueStats, ServerStats } from '../protocol/stats.js';
import { median } from '../record/comparison/sample.js';
import { loadScenario } from '../scenarios/load.js';

/**
 * What a record of a run that goes on costs the coordinator each time: of a thousand agents, after an hour with a server of
 * eight workers. Its parts are those of a run, with a few seconds of samples of every agent in them; the queues have all
 * of their hour, because each second of it is looked at again.
 */
const AGENTS = 1000;
const SAMPLED_SECONDS = 5;
const HOUR_SECONDS = 3600;
const SAMPLES_A_SECOND = 4;
const WORKERS = 8;
const QUEUES = ['logins', 'mailbox-writes', 'outbound', 'bus-ingress', 'inbound'];
const TIMES = 20;

const loaded = await loadScenario('chat', []);
const plans = Array.from({ length: AGENTS }, (_, agent) => ({
  agent,
  firstUser: agent * 100,
  count: 100,
})) as AgentPlan[];
const host = thisHost('0.0.0');
const pool = {
  plans,
  losses: [],
  totals: () => undefined,
  hostOf: (agent: number) => ({ ...host, id: String(agent >> 2), name: `host-${agent >> 2}` }),
} as unknown as AgentPool;

const promises = (await loadDriver('c2m', { credentials: null })).promises({ credentials: null });
const agents = new AgentSummaries(AGENTS, () => true);
const latency = new LatencyRecorder(
  () => undefined,
  Date.now(),
  (sample) => agents.lagOf(sample),
);
const recorder = new TimelineRecorder(AGENTS, 0, {
  merge: (samples, start, end) => latency.add(samples, start, end),
  phaseAt: phaseOf,
  server: () => null,
  serverMetrics: () => undefined,
  kernel: () => ({}) as never,
  emit: () => undefined,
});
for (let second = 0; second < SAMPLED_SECONDS; second += 1) {
  for (let agent = 0; agent < AGENTS; agent += 1) {
    const sample = sampleOf(second);
    agents.take(agent, sample);
    recorder.take(agent, sample);
  }
}
const poller = new ServerPoller('http://127.0.0.1:1');
for (let second = 0; second < HOUR_SECONDS; second += 1) poller.queues.take(statsOf(second));

const folder = await mkdtemp(join(tmpdir(), 'c2m-checkpoint-'));
const checkpoint = new Checkpoint(folder, recordMaker({ notes: loaded.notes }, []));
const inLoopMs: number[] = [];
const writingMs: number[] = [];
for (let time = 0; time < TIMES; time += 1) {
  const before = process.cpuUsage();
  checkpoint.take(assemble());
  inLoopMs.push(cpuMs(before));
  const inBetween = process.cpuUsage();
  await checkpoint.end();
  writingMs.push(cpuMs(inBetween));
}
await rm(folder, { recursive: true });
console.log(
  `${AGENTS} agents, ${HOUR_SECONDS} s: CPU of a record ${spread(inLoopMs)}, and of writing it ${spread(writingMs)}`,
);

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function phaseOf(seconds: number): string {
  return loaded.scenario.phases[Math.floor(seconds) % loaded.scenario.phases.length]?.name ?? 'connect';
}

function sampleOf(second: number): AgentSample {
  const histograms = new IntervalHistograms(phaseOf(second));
  for (let value = 1; value <= 20; value += 1) {
    for (const kind of ['lag', 'accepted', 'delivered', 'deliveredSinceSent', 'receipt'] as const)
      histograms.record(kind, value ** 2, second * 1000);
  }
  const times = { fromMs: second * 1000, toMs: second * 1000 + 1000, cpuReadAtMs: second * 1000 + 1000 };
  return { ...emptySample(), ...times, open: 100, connected: 100, sent: 20, latency: histograms.take() };
}

function statsOf(second: number): ServerStats {
  const names = QUEUES.flatMap((queue) =>
    Array.from({ length: WORKERS }, (_, worker) => `${queue}#${worker}`),
  );
  const counts = Object.fromEntries(names.map((name) => [name, [second * 100, second * 100]]));
  return {
    samples: Array.from({ length: SAMPLES_A_SECOND }, (_, index) => ({
      atMs: second * 1000 + index * 250,
      sequence: second * SAMPLES_A_SECOND + index,
      queues: Object.fromEntries(names.map((name, at) => [name, (second * 7919 + at * 31 + index) % 500])),
      reports: Object.fromEntries(Array.from({ length: WORKERS }, (_, worker) => [worker, second * 1000])),
      counts,
    })),
    workers: [],
    queues: Object.fromEntries(names.map((name) => [name, { arrived: 0, served: 0 } as QueueStats])),
  } as unknown as ServerStats;
}

function assemble() {
  const { scenario, source } = loaded;
  return assembleMeasurement({
    request: {
      scenario,
      source,
      endpoints: [],
      plans,
      coordinator: undefined as never,
      credentials: null,
      server: null,
      adminUrl: null,
      processes: null,
      metrics: null,
      mediaUrl: null,
      target: {
        kind: 'external',
        addresses: [],
        serverWorkers: WORKERS,
        store: null,
        driver: { name: 'c2m', promises },
      },
      folder,
      version: '0.0.0',
    },
    facts: readHostFacts(),
    startMs: 0,
    startedAtMs: 0,
    endMs: HOUR_SECONDS * 1000,
    isOver: false,
    phases: scenario.phases.map(({ name }, index) => ({ name, startMs: index, endMs: index + 1 })),
    marks: [],
    rateChanges: [],
    media: undefined,
    connectsPerSecond: 1000,
    resources: { memory: { bytesPerConnection: { kernel: null, server: null, client: null, total: null } } },
    memoryTrend: new MemoryTrend(),
    nodes: new NodeSummaries(new Set()),
    notes: [],
    isPartial: true,
    died: null,
    aborted: undefined,
    pool,
    watches: { admin: poller, processes: undefined, metrics: undefined } as unknown as ServerWatches,
    recorder,
    latency,
    agents,
    clocks: [],
  });
}

function spread(values: readonly number[]): string {
  const [first = 0] = values;
  return `${median(values).toFixed(1)} ms (median of ${values.length}; the first ${first.toFixed(1)}, the longest ${Math.max(...values).toFixed(1)})`;
}
