import { addTcp, noTcp, type TcpCounters } from '../../record/tcp-counters.js';
import type { TimelineSample } from '../../record/timeline.js';
import { LEDGER_COUNTS, noCounts } from '../agent/ledger.js';
import type { AgentSample } from '../agent-messages.js';
import type { MergedInterval } from './latency-recorder.js';

/** Counts of the run so far, all agents together. */
export interface RunCounts {
  connected: number;
  due: number;
  unscheduled: number;
  failed: number;
  dropped: number;
  reconnected: number;
  failures: Record<string, number>;
  refusals: Record<string, number>;
  /** Most clients logged in at the end of any second. */
  peak: number;
}

const MS_PER_SECOND = 1000;

/** What a line of the timeline holds beside the agents' part. */
export interface Surroundings {
  merge(samples: readonly AgentSample[], startSeconds: number, endSeconds: number): MergedInterval;
  phaseAt(seconds: number): string;
  server(nowMs: number): TimelineSample['server'];
  kernel(): TimelineSample['kernel'];
  emit(sample: TimelineSample): void;
}

/**
 * Adds up the agents' samples, second by second. A second is complete when no agent can still say anything about it:
 * each of them has reported on it or on a later one, or has ended.
 */
export class TimelineRecorder {
  readonly #startMs: number;
  readonly #surroundings: Surroundings;
  readonly #pending: Map<number, AgentSample>[];
  /** The newest sample that is part of a line, and the newest second heard of, by agent. */
  readonly #latest: (AgentSample | undefined)[];
  readonly #heardSecond: number[];
  readonly #sums: AgentSample[];
  #writtenSecond = 0;
  #writtenToMs: number;
  readonly counts: RunCounts = {
    connected: 0,
    due: 0,
    unscheduled: 0,
    failed: 0,
    dropped: 0,
    reconnected: 0,
    failures: {},
    refusals: {},
    peak: 0,
  };

  /** @param startMs monotonic, when the run began */
  constructor(agents: number, startMs: number, surroundings: Surroundings) {
    this.#startMs = startMs;
    this.#writtenToMs = startMs;
    this.#surroundings = surroundings;
    this.#pending = Array.from({ length: agents }, () => new Map());
    this.#latest = Array.from({ length: agents });
    this.#heardSecond = Array.from({ length: agents }, () => 0);
    this.#sums = Array.from({ length: agents }, emptySample);
  }

  /** @returns nothing; `emit` of the surroundings is called for each second that is now complete */
  take(agent: number, sample: AgentSample): void {
    const second = Math.ceil((sample.toMs - this.#startMs) / MS_PER_SECOND - 1e-6);
    this.#pending[agent]?.set(second, sample);
    this.#heardSecond[agent] = second;
    addCounts(this.#sums[agent] as AgentSample, sample);
    this.#writeComplete();
  }

  /** The agent says nothing more: what it has said so far is complete, and its clients are gone. */
  ended(agent: number): void {
    this.#heardSecond[agent] = Number.POSITIVE_INFINITY;
    this.#writeComplete();
    this.#latest[agent] = undefined;
  }

  /** Of all agents over the whole run; null over sockets. */
  get tcp(): TcpCounters | null {
    return this.#sums.reduce<TcpCounters | null>(
      (sum, { tcp }) => (tcp ? addTcp(sum ?? noTcp(), tcp) : sum),
      null,
    );
  }

  /** Clients logged in at the end of the last line. */
  get open(): number {
    return this.#latest.reduce((sum, sample) => sum + (sample?.open ?? 0), 0);
  }

  /** Sums of the counts of one agent, for an agent whose ledger never came. */
  sumsOf(agent: number): AgentSample {
    return this.#sums[agent] as AgentSample;
  }

  #writeComplete(): void {
    const newest = Math.max(0, ...this.#pending.flatMap((seconds) => [...seconds.keys()]));
    const complete = Math.min(newest, ...this.#heardSecond);
    while (this.#writtenSecond < complete) {
      this.#writtenSecond += 1;
      this.#write(this.#writtenSecond);
    }
  }

  #write(second: number): void {
    const samples: AgentSample[] = [];
    let cpuSeconds = 0;
    this.#pending.forEach((seconds, agent) => {
      const sample = seconds.get(second);
      if (!sample) return;
      seconds.delete(second);
      samples.push(sample);
      cpuSeconds += sample.cpuSeconds - (this.#latest[agent]?.cpuSeconds ?? sample.cpuSeconds);
      this.#latest[agent] = sample;
    });
    // Every agent was too busy to report; the next line is longer than a second.
    if (samples.length === 0) return;
    const toMs = Math.max(...samples.map((sample) => sample.toMs));
    const levels = this.#latest.filter((sample) => sample !== undefined);
    const counts = emptySample();
    for (const sample of samples) addCounts(counts, sample);
    this.#count(counts, sumOf(levels, 'open'));
    const seconds = (toMs - this.#writtenToMs) / MS_PER_SECOND;
    const t = (toMs - this.#startMs) / MS_PER_SECOND;
    this.#writtenToMs = toMs;
    const { latency, lagP99Ms, lagMaxMs } = this.#surroundings.merge(samples, t - seconds, t);
    this.#surroundings.emit({
      t: rounded(t),
      seconds: rounded(seconds),
      phase: this.#surroundings.phaseAt(t - seconds / 2),
      connections: {
        open: sumOf(levels, 'open'),
        opening: sumOf(levels, 'opening'),
        away: sumOf(levels, 'away'),
        connected: counts.connected,
        failed: counts.failed,
        dropped: counts.dropped,
        failures: counts.failures,
      },
      messages: {
        due: counts.due,
        sent: counts.sent,
        accepted: counts.accepted,
        delivered: counts.delivered,
        receipted: counts.receipted,
        duplicated: counts.duplicated,
        outOfOrder: counts.outOfOrder,
        redelivered: counts.redelivered,
        refused: counts.refused,
        corrupted: counts.corrupted,
        inFlight: sumOf(levels, 'inFlight'),
      },
      latency,
      generator: {
        lagP99Ms,
        lagMaxMs,
        eventLoopLagMs: Math.max(...samples.map((sample) => sample.eventLoopLagMs)),
        cpu: seconds > 0 ? cpuSeconds / seconds : 0,
        privateBytes: sumOf(levels, 'privateBytes'),
        tcp: counts.tcp,
      },
      server: this.#surroundings.server(toMs),
      kernel: this.#surroundings.kernel(),
    });
  }

  #count(counts: AgentSample, open: number): void {
    const run = this.counts;
    run.connected += counts.connected;
    run.due += counts.due;
    run.unscheduled += counts.unscheduled;
    run.failed += counts.failed;
    run.dropped += counts.dropped;
    run.reconnected += counts.reconnected;
    run.peak = Math.max(run.peak, open);
    addReasons(run.failures, counts.failures);
    addReasons(run.refusals, counts.refusals);
  }
}

const COUNTS = [
  'connected',
  'reconnected',
  'failed',
  'dropped',
  'due',
  'unscheduled',
  ...LEDGER_COUNTS,
] as const;

const LEVELS = [
  'open',
  'opening',
  'away',
  'inFlight',
  'privateBytes',
] as const satisfies (keyof AgentSample)[];

/** Adds the counts of a sample, and takes over its levels. */
function addCounts(sum: AgentSample, sample: AgentSample): void {
  for (const name of COUNTS) sum[name] += sample[name];
  for (const name of LEVELS) sum[name] = sample[name];
  addReasons(sum.failures, sample.failures);
  addReasons(sum.refusals, sample.refusals);
  if (sample.tcp) sum.tcp = addTcp(sum.tcp ?? noTcp(), sample.tcp);
}

function addReasons(sum: Record<string, number>, reasons: Record<string, number>): void {
  for (const [reason, count] of Object.entries(reasons)) sum[reason] = (sum[reason] ?? 0) + count;
}

function sumOf(samples: readonly AgentSample[], level: (typeof LEVELS)[number]): number {
  return samples.reduce((sum, sample) => sum + sample[level], 0);
}

function emptySample(): AgentSample {
  return {
    fromMs: 0,
    toMs: 0,
    open: 0,
    opening: 0,
    away: 0,
    inFlight: 0,
    connected: 0,
    reconnected: 0,
    failed: 0,
    dropped: 0,
    failures: {},
    refusals: {},
    due: 0,
    unscheduled: 0,
    ...noCounts(),
    latency: {},
    tcp: null,
    eventLoopLagMs: 0,
    cpuSeconds: 0,
    privateBytes: 0,
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
