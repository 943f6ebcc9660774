import type { Histogram, JsHistogram } from 'hdr-histogram-js';
import type { RecordedAgent } from '../../record/run.js';
import type { AgentSample } from '../agent-messages.js';
import { CoresInUse } from './cores-in-use.js';
import { LatencyCounts } from './latency-counts.js';
import type { RecordedSample } from './latency-recorder.js';

/** The figures of one agent that follow from its samples. */
export type AgentFigures = Omit<
  RecordedAgent,
  'agent' | 'firstUser' | 'clients' | 'sent' | 'delivered' | 'lost'
>;

const MS_PER_SECOND = 1000;
/** Histograms count microseconds, people read milliseconds. */
const MICROSECONDS_PER_MS = 1000;

/** What each agent did over the run, from its samples as they come. */
export class AgentSummaries {
  readonly #agents: AgentSummary[];
  /** The agent of each sample, because the decoder of histograms is given the sample alone. */
  readonly #agentOf = new WeakMap<RecordedSample, AgentSummary>();
  readonly #isTalking: (ms: number) => boolean;

  /** @param isTalking whether a phase of the scenario ran at that time, monotonic */
  constructor(agents: number, isTalking: (ms: number) => boolean) {
    this.#agents = Array.from({ length: agents }, () => new AgentSummary());
    this.#isTalking = isTalking;
  }

  /** Takes a sample before its histograms are decoded. */
  take(agent: number, sample: AgentSample): void {
    const summary = this.#agents[agent] as AgentSummary;
    summary.add(sample, this.#isTalking((sample.fromMs + sample.toMs) / 2));
    this.#agentOf.set(sample, summary);
  }

  /** The lag of the agent whose sample that is, for whoever decodes it; undefined: it is no agent's. */
  lagOf(source: RecordedSample): LatencyCounts | undefined {
    return this.#agentOf.get(source)?.lag;
  }

  /** @param lagLimitMs later than that, a message was late */
  figures(agent: number, lagLimitMs: number): AgentFigures {
    return (this.#agents[agent] as AgentSummary).figures(lagLimitMs);
  }
}

class AgentSummary {
  /** Of messages, the whole run. */
  readonly lag = new LatencyCounts();
  readonly #cores = new CoresInUse();
  #peak = 0;
  #delivered = 0;
  #seconds = 0;
  #privateBytesPeak: number | null = null;
  #eventLoopLagMaxMs: number | null = null;
  /** CPU seconds at its last sample. */
  #cpu: Pick<AgentSample, 'cpuSeconds' | 'cpuReadAtMs'> | undefined;

  add(sample: AgentSample, isTalking: boolean): void {
    const { fromMs, toMs, openPeak, delivered, cpuSeconds, cpuReadAtMs } = sample;
    this.#peak = Math.max(this.#peak, openPeak);
    this.#privateBytesPeak = Math.max(this.#privateBytesPeak ?? 0, sample.privateBytes);
    this.#eventLoopLagMaxMs = Math.max(this.#eventLoopLagMaxMs ?? 0, sample.eventLoopLagMs);
    const before = this.#cpu ?? { cpuSeconds: 0, cpuReadAtMs: fromMs };
    this.#cpu = { cpuSeconds, cpuReadAtMs };
    if (!isTalking) return;
    this.#delivered += delivered;
    this.#seconds += (toMs - fromMs) / MS_PER_SECOND;
    const elapsed = (cpuReadAtMs - before.cpuReadAtMs) / MS_PER_SECOND;
    if (elapsed > 0) this.#cores.add((cpuSeconds - before.cpuSeconds) / elapsed, elapsed);
  }

  figures(lagLimitMs: number): AgentFigures {
    const lag = this.lag.toHistogram();
    return {
      peak: this.#peak,
      messagesPerSecond: this.#seconds === 0 ? null : rounded(this.#delivered / this.#seconds),
      lagP99Ms: percentile(lag, 99),
      lagMaxMs: lag.totalCount === 0 ? null : lag.maxValue / MICROSECONDS_PER_MS,
      late: countAbove(lag as JsHistogram, lagLimitMs * MICROSECONDS_PER_MS),
      cpuCores: this.#cores.summary(),
      privateBytesPeak: this.#privateBytesPeak,
      eventLoopLagMaxMs: this.#eventLoopLagMaxMs,
    };
  }
}

/** Milliseconds. A bucket's upper end may lie above the highest value in it. */
function percentile(histogram: Histogram, percent: number): number | null {
  if (histogram.totalCount === 0) return null;
  return Math.min(histogram.getValueAtPercentile(percent), histogram.maxValue) / MICROSECONDS_PER_MS;
}

/** Values above the bucket that `value` is in: to three digits. */
function countAbove(histogram: JsHistogram, value: number): number {
  let count = 0;
  // A run that goes on is looked at every few seconds, a thousand agents of it, and what lies above the highest is most.
  const highest = histogram.countsArrayIndex(histogram.maxValue);
  for (let index = histogram.countsArrayIndex(value) + 1; index <= highest; index += 1)
    count += histogram.getCountAtIndex(index);
  return count;
}

function rounded(rate: number): number {
  return Math.round(rate * 10) / 10;
}
