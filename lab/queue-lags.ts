import type { ServerStats } from '../protocol/stats.js';

const MS_PER_SECOND = 1000;

/** One queue between two looks. */
export interface QueueLag {
  name: string;
  /** The highest between the two. */
  length: number;
  arrivedPerSecond: number;
  servedPerSecond: number;
  behindMs: number;
  /** Since the start. */
  max: number;
  isAlerting: boolean;
}

/** The queues of a server between two answers of `/stats`, that which is furthest behind first. */
export function queueLags(before: ServerStats, now: ServerStats): QueueLag[] {
  const seconds = secondsBetween(before, now);
  return Object.keys(now.queues)
    .map((name) => queueLag(name, before, now, seconds))
    .sort((one, other) => other.behindMs - one.behindMs || other.length - one.length || other.max - one.max);
}

/** By the clock of the server, which has sampled its queues at both; never 0. */
export function secondsBetween(before: ServerStats, now: ServerStats): number {
  return Math.max(0.001, (lastSampleMs(now) - lastSampleMs(before)) / MS_PER_SECOND);
}

export function lastSampleMs(stats: ServerStats): number {
  return stats.samples.at(-1)?.atMs ?? stats.startedAtMs;
}

function queueLag(name: string, before: ServerStats, now: ServerStats, seconds: number): QueueLag {
  const { arrived = 0, served = 0, max = 0, mostServedPerSecond = 0 } = now.queues[name] ?? {};
  const earlier = before.queues[name] ?? { arrived: 0, served: 0 };
  const since = before.samples.at(-1)?.sequence ?? 0;
  const length = Math.max(
    0,
    ...now.samples.filter(({ sequence }) => sequence > since).map(({ queues }) => queues[name] ?? 0),
  );
  return {
    name,
    length,
    arrivedPerSecond: Math.max(0, arrived - earlier.arrived) / seconds,
    servedPerSecond: Math.max(0, served - earlier.served) / seconds,
    // At the best rate that it was ever served at: an idle queue with one item in it is not late.
    behindMs: mostServedPerSecond === 0 ? 0 : (length * MS_PER_SECOND) / mostServedPerSecond,
    max,
    isAlerting: now.alerts.some(({ queue, clearedAtMs }) => queue === name && clearedAtMs === null),
  };
}
