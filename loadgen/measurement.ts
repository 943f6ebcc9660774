import { randomUUID } from 'node:crypto';
import type { QueueAlert } from '../protocol/stats.js';
import type { Measurement, QueueSummary } from '../record/run.js';
import type { AgentSample, LedgerTotals } from './agent-messages.js';
import { type KernelSample, kernelConnectionBytes } from './kernel-sampler.js';
import type { ServerPoller } from './server-poller.js';

/** Memory of the three that hold a connection, at one moment; null: not known. */
export interface MemoryReading {
  kernel: KernelSample;
  server: number | null;
  client: number | null;
}

type BytesPerConnection = Measurement['memory']['bytesPerConnection'];

export const NOT_MEASURED: BytesPerConnection = { kernel: null, server: null, client: null, total: null };

export function newRunId(): string {
  return randomUUID();
}

/**
 * Growth divided by the connections. A part that did not grow is lost in the noise of the rest of the machine, and is
 * null rather than a zero that passes every gate.
 */
export function bytesPerConnection(
  before: MemoryReading,
  after: MemoryReading,
  connections: number,
): BytesPerConnection {
  const growth = (from: number | null, to: number | null): number | null =>
    connections > 0 && from !== null && to !== null && to > from
      ? Math.round((to - from) / connections)
      : null;
  const kernel = growth(kernelConnectionBytes(before.kernel), kernelConnectionBytes(after.kernel));
  const server = growth(before.server, after.server);
  const client = growth(before.client, after.client);
  const isWhole = kernel !== null && server !== null && client !== null;
  return { kernel, server, client, total: isWhole ? kernel + server + client : null };
}

/**
 * The messages of all agents. Where a ledger never came, because the agent died, what its samples said stands in:
 * what was under way when it died counts as lost.
 */
export function sumMessages(
  ledgers: { ledger: LedgerTotals | undefined; samples: AgentSample }[],
): Measurement['messages'] {
  const sum: LedgerTotals = {
    sent: 0,
    accepted: 0,
    delivered: 0,
    receipted: 0,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    redelivered: 0,
    refused: 0,
    unsent: 0,
  };
  for (const { ledger, samples } of ledgers) {
    const totals = ledger ?? { ...samples, lost: samples.inFlight, unsent: 0 };
    for (const name of Object.keys(sum) as (keyof LedgerTotals)[]) sum[name] += totals[name];
  }
  return sum;
}

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
