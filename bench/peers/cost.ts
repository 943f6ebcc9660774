import { median } from '../../record/comparison/sample.js';
import type { Sample } from './watch.js';
import { WARM_SECONDS, type Workload } from './workload.js';

/** How many messages had arrived at one moment. */
export interface Count {
  atMs: number;
  arrived: number;
}

export interface Cost {
  messagesPerSecond: number;
  cpuMicrosecondsPerMessage: number;
  messagesPerCoreSecond: number;
  /** Of all processes of the generator, while they talk. */
  privateBytes: number;
}

/**
 * The part of a run that is measured: from when all clients are connected and the warm-up has arrived until the measured
 * seconds are over; undefined while it is not over yet. It begins and ends at moments at which messages were counted, so
 * nothing is guessed.
 */
export function measuredWindow(
  counts: readonly Count[],
  samples: readonly Sample[],
  { rate, seconds }: Workload,
): [first: Count, last: Count] | undefined {
  const connected = samples.find(({ areConnected }) => areConnected);
  if (!connected) return undefined;
  const talking = counts.filter(({ atMs }) => atMs >= connected.atMs);
  const before = talking[0]?.arrived ?? 0;
  const first = talking.find(({ arrived }) => arrived - before >= rate * WARM_SECONDS);
  if (!first) return undefined;
  const last = talking.find(({ atMs }) => atMs >= first.atMs + seconds * 1000);
  return last && [first, last];
}

export function costOf([first, last]: readonly [Count, Count], samples: readonly Sample[]): Cost {
  const messages = last.arrived - first.arrived;
  const seconds = (last.atMs - first.atMs) / 1000;
  const cpu = cpuSecondsAt(last.atMs, samples) - cpuSecondsAt(first.atMs, samples);
  const within = samples.filter(({ atMs }) => atMs >= first.atMs && atMs <= last.atMs);
  return {
    messagesPerSecond: messages / seconds,
    cpuMicrosecondsPerMessage: (cpu / messages) * 1e6,
    messagesPerCoreSecond: messages / cpu,
    privateBytes: median(within.map((sample) => sample.privateBytes)),
  };
}

/**
 * Memory with all clients connected; undefined if they never were. It is the lowest seen: what is above it is garbage that
 * was not collected yet.
 */
export function connectedBytes(samples: readonly Sample[]): number | undefined {
  const all = samples.filter(({ areConnected }) => areConnected);
  return all.length === 0 ? undefined : Math.min(...all.map(({ privateBytes }) => privateBytes));
}

/** Between two looks CPU time is taken to grow evenly. */
function cpuSecondsAt(atMs: number, samples: readonly Sample[]): number {
  const next = samples.findIndex((sample) => sample.atMs >= atMs);
  const after = samples[next] ?? samples.at(-1);
  const before = samples[next - 1] ?? after;
  if (!before || !after) throw new Error('nothing was seen of the generator');
  if (after.atMs <= before.atMs) return after.cpuSeconds;
  const share = (atMs - before.atMs) / (after.atMs - before.atMs);
  return before.cpuSeconds + (after.cpuSeconds - before.cpuSeconds) * Math.min(1, share);
}
