import type { QueueAlert } from '../../protocol/stats.js';
import { ascending } from '../../record/comparison/sample.js';
import type { Measurement, QueueSummary } from '../../record/run.js';
import type { AdminWatch } from './admin-watch.js';
import type { QueueHistory } from './queue-log.js';

/**
 * Queues and alerts of the run.
 * @param startedAtMs wall clock; an alert that stood before the run began at second 0
 */
export function summarizeBacklog(admin: AdminWatch | undefined, startedAtMs: number): Measurement['backlog'] {
  const alerts = (admin?.alerts ?? []).filter(
    ({ clearedAtMs }) => clearedAtMs === null || clearedAtMs >= startedAtMs,
  );
  const queues = [...(admin?.histories() ?? [])].map(([name, history]) =>
    summarizeQueue(name, history, admin?.thresholdOf(name) ?? null, alerts),
  );
  // A server of several processes has a threshold for each, and none for them all.
  for (const total of queues) {
    const parts = queues.filter(({ name }) => name.startsWith(`${total.name}#`));
    const shares = parts.map(({ thresholdShare }) => thresholdShare ?? 0);
    if (parts.length > 0) total.thresholdShare ??= Math.max(...shares);
  }
  // Of equal lengths the total (`mailboxes`) is named, not its only part (`mailboxes#0`).
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
  { lengths, behindMs, rates, meanLength, busyShare, waitMs }: QueueHistory,
  threshold: number | null,
  alerts: readonly QueueAlert[],
): QueueSummary {
  const sorted = ascending(lengths);
  const max = sorted.at(-1) ?? 0;
  return {
    name,
    max,
    // Over samples, several a second: 99 of 100 did not exceed it.
    p99: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0,
    threshold,
    alerts: alerts.filter(({ queue }) => queue === name).length,
    behindMs: max === 0 ? null : rounded(behindMs),
    arrivedPerSecond: rounded(rates?.arrivedPerSecond),
    servedPerSecond: rounded(rates?.servedPerSecond),
    waitMs: rounded(waitMs),
    meanLength: rounded(meanLength),
    busyShare: rounded(busyShare),
    thresholdShare: threshold === null || threshold <= 0 ? null : rounded(max / threshold),
  };
}

/** To a thousandth; null where there is none. */
function rounded(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.round(value * 1000) / 1000;
}

function isPart(queue: string): boolean {
  return queue.includes('#');
}
