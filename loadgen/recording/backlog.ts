import type { QueueAlert } from '../../protocol/stats.js';
import type { Measurement, QueueSummary } from '../../record/run.js';
import type { QueueFlow } from './queue-flow.js';
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
    summarizeQueue(
      name,
      lengths,
      poller?.latest?.queues[name]?.threshold ?? null,
      alerts,
      poller?.flows.get(name),
    ),
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
  flow: QueueFlow | undefined,
): QueueSummary {
  const mean = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length);
  const sorted = [...lengths].sort((a, b) => a - b);
  return {
    name,
    max: sorted.at(-1) ?? 0,
    // Of the samples, of which there are several a second: the length that 99 of 100 did not exceed.
    p99: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0,
    threshold,
    alerts: alerts.filter(({ queue }) => queue === name).length,
    behindMs: rounded(flow?.worst?.behindMs),
    arrivedPerSecond: rounded(flow?.worst?.arrivedPerSecond),
    servedPerSecond: rounded(flow?.worst?.servedPerSecond),
    waitMs: rounded(flow?.waitMs(mean)),
  };
}

/** To a thousandth; null where there is none. */
function rounded(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.round(value * 1000) / 1000;
}

function isPart(queue: string): boolean {
  return queue.includes('#');
}
