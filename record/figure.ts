import { metricAt } from './metrics.js';
import type { RunRecord } from './run.js';

/**
 * The figure at `path` in run.json, such as `latency.delivered.p99`.
 * An element of a list is named by its `name`: `backlog.queues.mailboxes.max`.
 * Null: there is no such figure, or nothing was recorded for it.
 */
export function figureAt(record: Omit<RunRecord, 'gates' | 'verdict'>, path: string): number | null {
  let node: unknown = record;
  for (const key of path.split('.')) node = child(node, key);
  // A reason that never came up is not listed, and so happened zero times.
  if (node === undefined && metricAt(path)?.isZeroIfAbsent) return 0;
  return typeof node === 'number' && Number.isFinite(node) ? node : null;
}

/** Why `figureAt` found nothing, for a gate's note. */
export function reasonForNoFigure(path: string): string {
  return metricAt(path)?.absence ?? 'run.json holds no such figure';
}

function child(node: unknown, key: string): unknown {
  if (Array.isArray(node)) return node.find((element) => (element as { name?: unknown })?.name === key);
  if (typeof node !== 'object' || node === null) return undefined;
  return Object.hasOwn(node, key) ? (node as Record<string, unknown>)[key] : undefined;
}
