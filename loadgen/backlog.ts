import type { QueueAlert } from '../protocol/stats.js';
import type { Measurement, QueueSummary } from '../record/run.js';
import type { ServerPoller } from './server-poller.js';

/**
 * Queues and alerts of the run.
 * @param startedAtMs wall clock; an alert that stood before the run began at second 0
 */
export function summarizeBacklog(
  poller: ServerPoller | undefined,
  startedAtMs: number,
): Measurement['backlog'] {
  const alerts = (poller?.alerts ?? []).filter(
    ({ clearedAtMs }) => clearedAtMs === null || clearedAtMs >= startedAtMs,
  );
  const queues = [...(poller?.lengths ?? [])].map(([name, lengths]) =>
    summarizeQueue(name, lengths, poller?.latest?.queues[name]?.threshold ?? null, alerts),
  );
  // A total (`mailboxes`) says more than the one worker (`mailboxes#0`) that makes it up.
  const ranked = [...queues].sort((a, b) => b.max - a.max || Number(isPart(a.name)) - Number(isPart(b.name)));
  return {
    max: ranked[0]?.max ?? null,
    worst: ranked[0]?.name ?? null,
    queues,
    alerts: alerts.map(({ queue, raisedAtMs, clearedAtMs, threshold, peak }) => ({
      queue,
      startSeconds: Math.max(0, raisedAtMs - startedAtMs) / 1000,
      endSeconds: clearedAtMs === null ? null : (clearedAtMs - startedAtMs) / 1000,
      threshold,
      peak,
    })),
  };
}

function summarizeQueue(
  name: string,
  lengths: readonly number[],
  threshold: number | null,
  alerts: readonly QueueAlert[],
): QueueSummary {
  const sorted = [...lengths].sort((a, b) => a - b);
  return {
    name,
    max: sorted.at(-1) ?? 0,
    // Of the samples, of which there are several a second: the length that 99 of 100 did not exceed.
    p99: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0,
    threshold,
    alerts: alerts.filter(({ queue }) => queue === name).length,
  };
}

function isPart(queue: string): boolean {
  return queue.includes('#');
}
