import type { LatencyKind, RunRecord } from '../record/run.js';
import { type MetricUnit, unitOfMetric } from '../scenarios/gate.js';
import type { Unit } from './format.js';

/** Where each latency begins and ends. */
export const LATENCY_MEANINGS: Record<LatencyKind, string> = {
  connect: 'from the time a connect was due to the answer to the login',
  accepted: 'from the time a message was due to the first check mark: the server holds it',
  delivered: 'from the time a message was due until the recipient has it',
  receipt: 'from the time a message was due to the second check mark: the sender knows',
};

/**
 * The figure at `path` in run.json, such as `latency.delivered.p99`.
 * An element of a list is named by its `name`: `backlog.queues.mailboxes.max`.
 * Null: there is no such figure, or nothing was recorded for it.
 */
export function figureAt(record: Omit<RunRecord, 'gates' | 'verdict'>, path: string): number | null {
  let node: unknown = record;
  for (const key of path.split('.')) node = child(node, key);
  // A reason that never came up is not listed, and so happened zero times.
  if (node === undefined && /^(connections\.failures|refusals)\./.test(path)) return 0;
  return typeof node === 'number' && Number.isFinite(node) ? node : null;
}

const UNITS: Record<MetricUnit, Unit> = {
  milliseconds: 'ms',
  seconds: 'seconds',
  bytes: 'bytes',
  perSecond: 'perSecond',
  count: 'count',
};

/** The unit of the figure at `path`, as reports write it. */
export function unitAt(path: string): Unit {
  return UNITS[unitOfMetric(path)];
}

/** Why `figureAt` found nothing, for a gate's note. */
export function reasonForNoFigure(path: string): string {
  if (path.startsWith('media.')) return 'the scenario has no media';
  if (/(^|\.)latency\./.test(path)) return 'no latency was recorded';
  if (path.startsWith('generator.lagMs')) return 'no message fell due, so no lag was recorded';
  if (/(^|\.)memory\./.test(path)) return 'memory was not measured';
  if (path.startsWith('backlog.')) return 'the target offers no queue lengths';
  return 'run.json holds no such figure';
}

function child(node: unknown, key: string): unknown {
  if (Array.isArray(node)) return node.find((element) => (element as { name?: unknown })?.name === key);
  if (typeof node !== 'object' || node === null) return undefined;
  return Object.hasOwn(node, key) ? (node as Record<string, unknown>)[key] : undefined;
}
