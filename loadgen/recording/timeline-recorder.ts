import { addTcp, noTcp, type TcpCounters } from '../../record/tcp-counters.js';
import type { TimelineSample } from '../../record/timeline.js';
import type { AgentSample } from '../agent-messages.js';
import { addCounts, addReasons, emptySample, sumOf } from './agent-sums.js';
import { certainPeak, type Told } from './certain-peak.js';
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
  /** Most clients that were certainly logged in at one moment. */
  peak: number;
}

const MS_PER_SECOND = 1000;
/** Seconds by which a time may miss the end of a second that it was meant to be. */
const ROUNDING = 1e-6;

/** What a line of the timeline holds beside the agents' part. */
export interface Surroundings {
  merge(
    samples: readonly AgentSample[],
    startSeconds: number,
    endSeconds: number,
  ): Omit<MergedInterval, 'counts'>;
  phaseAt(seconds: number): string;
  server(): TimelineSample['server'];
  /** What the server says of itself; undefined: nothing new. */
  serverMetrics(): TimelineSample['serverMetrics'];
  kernel(): TimelineSample['kernel'];
  emit(sample: TimelineSample): void;
}

/**
 * Adds up the agents' samples, second by second. A second is complete when no agent can still say anything about it:
 * each of them has reported on it or on a later one, or has ended. Where an agent was stalled and tells of several
 * seconds at once, they become one line, as long as they were: no count is put into a second that it is not of.
 */
export class TimelineRecorder {
  readonly #startMs: number;
  readonly #surroundings: Surroundings;
  /** Samples by the second in which they end, then by agent; two of one agent where it stalled in the middle of that second. */
  readonly #pending: Map<number, AgentSample[]>[];
  /** Samples of seconds that have no line yet, because a stalled agent will tell of them together with later ones. */
  #untold: Told[] = [];
  /** The newest sample that is part of a line, and the newest second heard of, by agent. */
  readonly #latest: (AgentSample | undefined)[];
  readonly #heardSecond: number[];
  readonly #hasEnded: boolean[];
  readonly #sums: AgentSample[];
  /** That an agent told of. */
  #newestSecond = 0;
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
    this.#hasEnded = Array.from({ length: agents }, () => false);
    this.#sums = Array.from({ length: agents }, emptySample);
  }

  /** @returns nothing; `emit` of the surroundings is called for each second that is now complete */
  take(agent: number, sample: AgentSample): void {
    const second = this.#secondOf(sample);
    const pending = this.#pending[agent] as Map<number, AgentSample[]>;
    pending.set(second, [...(pending.get(second) ?? []), sample]);
    this.#newestSecond = Math.max(this.#newestSecond, second);
    // A sample that ends in the midst of a second is followed by the rest of that second, or by the end of the agent.
    this.#heardSecond[agent] = Math.floor((sample.toMs - this.#startMs) / MS_PER_SECOND + ROUNDING);
    addCounts(this.#sums[agent] as AgentSample, sample);
    this.#writeComplete();
  }

  /** The agent says nothing more: what it has said so far is complete, and its clients are gone. */
  ended(agent: number): void {
    this.#heardSecond[agent] = Number.POSITIVE_INFINITY;
    this.#writeComplete();
    this.#hasEnded[agent] = true;
    this.#forgetEnded();
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

  /** Hot path, for each sample: with 500 agents, 500 times a second. */
  #writeComplete(): void {
    let complete = this.#newestSecond;
    for (const heard of this.#heardSecond) if (heard < complete) complete = heard;
    while (this.#writtenSecond < complete) {
      this.#writtenSecond += 1;
      this.#write(this.#writtenSecond);
    }
  }

  #write(second: number): void {
    this.#pending.forEach((seconds, agent) => {
      for (const sample of seconds.get(second) ?? []) this.#untold.push({ agent, sample });
      seconds.delete(second);
    });
    // Nobody has told of this second alone: the next line covers it too, and is longer than a second.
    if (this.#untold.length === 0 || this.#isSomebodyBehind(second)) return;
    const told = this.#untold;
    this.#untold = [];
    const samples = told.map(({ sample }) => sample);
    const cpu = this.#coresOf(told);
    for (const { agent, sample } of told) this.#latest[agent] = sample;
    const toMs = Math.max(...samples.map((sample) => sample.toMs));
    const levels = this.#latest.filter((sample) => sample !== undefined);
    const counts = emptySample();
    for (const sample of samples) addCounts(counts, sample);
    const peak = Math.max(sumOf(levels, 'open'), certainPeak(told, this.#latest));
    this.#count(counts, peak);
    const seconds = (toMs - this.#writtenToMs) / MS_PER_SECOND;
    const t = (toMs - this.#startMs) / MS_PER_SECOND;
    this.#writtenToMs = toMs;
    const serverMetrics = this.#surroundings.serverMetrics();
    const { latency, lagP99Ms, lagMaxMs } = this.#surroundings.merge(samples, t - seconds, t);
    this.#surroundings.emit({
      t: rounded(t),
      seconds: rounded(seconds),
      phase: this.#surroundings.phaseAt(t - seconds / 2),
      connections: {
        open: sumOf(levels, 'open'),
        opening: sumOf(levels, 'opening'),
        away: sumOf(levels, 'away'),
        peak,
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
        cpu,
        privateBytes: sumOf(levels, 'privateBytes'),
        tcp: counts.tcp,
      },
      server: this.#surroundings.server(),
      ...(serverMetrics && { serverMetrics }),
      kernel: this.#surroundings.kernel(),
    });
    this.#forgetEnded();
  }

  /** Levels of an agent that has ended count in the line of its last sample, and no longer after it. */
  #forgetEnded(): void {
    if (!this.#hasEnded.includes(true)) return;
    this.#hasEnded.forEach((hasEnded, agent) => {
      const isPending =
        (this.#pending[agent]?.size ?? 0) > 0 || this.#untold.some((told) => told.agent === agent);
      if (hasEnded && !isPending) this.#latest[agent] = undefined;
    });
  }

  /** Whether an agent tells of this second only together with later ones. */
  #isSomebodyBehind(second: number): boolean {
    const endMs = this.#startMs + second * MS_PER_SECOND - 1;
    return this.#pending.some((seconds) => [...seconds.values()].flat().some(({ fromMs }) => fromMs < endMs));
  }

  #secondOf({ toMs }: AgentSample): number {
    return Math.ceil((toMs - this.#startMs) / MS_PER_SECOND - ROUNDING);
  }

  /** Cores in use by all agents, each over the time in which it used them. */
  #coresOf(told: readonly Told[]): number {
    const lastOf = new Map(told.map(({ agent, sample }) => [agent, sample]));
    return this.#latest.reduce((cores, before, agent) => {
      const last = lastOf.get(agent);
      if (!last) return cores;
      const cpuSeconds = last.cpuSeconds - (before?.cpuSeconds ?? 0);
      const elapsedMs = last.cpuReadAtMs - (before?.cpuReadAtMs ?? this.#startMs);
      return elapsedMs > 0 ? cores + (cpuSeconds * MS_PER_SECOND) / elapsedMs : cores;
    }, 0);
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

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
