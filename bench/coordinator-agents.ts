import { createInterface } from 'node:readline';
import { IntervalHistograms, type RecordedLatency } from '../loadgen/agent/interval-histograms.js';
import type { AgentSample } from '../loadgen/agent-messages.js';
import { Channel, type Packet } from '../loadgen/coordination/nats/channel.js';
import type { FromHost, ToHost } from '../loadgen/coordination/nats/messages.js';
import { monotonicMs } from '../loadgen/monotonic-clock.js';
import { type Random, randomStream } from '../loadgen/random.js';
import { emptySample } from '../loadgen/recording/agent-sums.js';

/**
 * The agents of bench/coordinator.ts, all in this process: a sample a second each, with the histograms of what its clients met,
 * written as lines of JSON, `[host, packet]`. The coordinator's packets come in the same way. A pipe loses nothing, so nothing is
 * sent again.
 */

/** What the process is told as its argument. */
export interface SimulatedAgents {
  agents: number;
  hosts: number;
  /** Messages of an agent in a second. */
  messages: number;
  /** Monotonic, when the first second begins. */
  startMs: number;
  seconds: number;
}

export type Line<Message> = [host: number, packet: Packet<Message>];

const SECONDS_DRAWN = 200;
/** A few clients lose their connection and come back. */
const CONNECTS_A_SECOND = 20;

/** Latencies as a busy server has them: half of them below so many milliseconds, a long tail above. */
const LATENCIES = {
  accepted: { medianMs: 2, sigma: 0.8 },
  delivered: { medianMs: 5, sigma: 0.9 },
  deliveredSinceSent: { medianMs: 4.5, sigma: 0.9 },
  receipt: { medianMs: 8, sigma: 0.9 },
  lag: { medianMs: 0.6, sigma: 0.5 },
} as const;

const { agents, hosts, messages, startMs, seconds } = JSON.parse(
  process.argv[2] as string,
) as SimulatedAgents;
const random = randomStream(1, 'latencies');
const histograms = new IntervalHistograms('connect');
histograms.beginPhase('talk', 0);
/** What agents met in a second: drawn before, for the simulation to leave the machine to the coordinator. */
const met = Array.from({ length: SECONDS_DRAWN }, () => {
  record(histograms, random);
  return histograms.take();
});
const channels = Array.from(
  { length: hosts },
  (_, host) =>
    new Channel<FromHost, ToHost>({
      publish: (packet) =>
        process.stdout.write(`${JSON.stringify([host, packet] satisfies Line<FromHost>)}\n`),
      deliver: () => undefined,
      nowMs: monotonicMs,
    }),
);

createInterface({ input: process.stdin }).on('line', (text) => {
  const [host, packet] = JSON.parse(text) as Line<ToHost>;
  channels[host]?.take(packet);
});
process.stdin.on('end', () => process.exit(0));
tellSecond(1);

/** All agents tell of a second when it is over. */
function tellSecond(second: number): void {
  setTimeout(
    () => {
      for (let agent = 0; agent < agents; agent += 1) {
        const message = { kind: 'sample', sample: sampleOf(agent, second) } as const;
        channels[agent % hosts]?.send({ kind: 'agent', agent, message });
      }
      if (second < seconds) tellSecond(second + 1);
    },
    Math.max(0, startMs + second * 1000 - monotonicMs()),
  );
}

function record(into: IntervalHistograms, draws: Random): void {
  for (const [kind, { medianMs, sigma }] of Object.entries(LATENCIES) as [
    keyof typeof LATENCIES,
    { medianMs: number; sigma: number },
  ][]) {
    for (let count = 0; count < messages; count += 1)
      into.record(kind, medianMs * Math.exp(sigma * draws.normal()), 1);
  }
  for (let count = 0; count < CONNECTS_A_SECOND; count += 1)
    into.record('connect', 30 * Math.exp(draws.normal()), 1);
}

function sampleOf(agent: number, second: number): AgentSample {
  const toMs = startMs + second * 1000;
  return {
    ...emptySample(),
    fromMs: toMs - 1000,
    toMs,
    open: 4000,
    openPeak: 4000,
    openLow: 4000 - CONNECTS_A_SECOND,
    connected: CONNECTS_A_SECOND,
    reconnected: CONNECTS_A_SECOND,
    dropped: CONNECTS_A_SECOND,
    failures: { ECONNRESET: CONNECTS_A_SECOND },
    due: messages,
    sent: messages,
    accepted: messages,
    delivered: messages,
    receipted: messages,
    latency: met[(agent * 7 + second) % met.length] as RecordedLatency,
    eventLoopLagMs: 1.25,
    cpuSeconds: 0.3 * second,
    cpuReadAtMs: toMs + 0.125,
    privateBytes: 60 * 1024 ** 2,
  };
}
