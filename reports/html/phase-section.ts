import type { LatencyKind, RunRecord } from '../../record/run.js';
import { formatCount, formatFigure } from '../format.js';
import { phaseLatencies } from '../phase-latencies.js';
import { escapeHtml, table } from './markup.js';

const KINDS: readonly LatencyKind[] = ['connect', 'accepted', 'delivered', 'receipt'];

/** Latencies phase by phase: the percentiles of the whole run hide the one phase that was bad. */
export function phaseSection(record: RunRecord): string {
  const phases = phaseLatencies(record);
  if (phases.length === 0) return '';
  const rows = phases.flatMap(({ name, latencies }) =>
    KINDS.flatMap((kind) => {
      const summary = latencies[kind];
      if (!summary) return [];
      const { p50, p99, p999, max, count } = summary;
      const times = [p50, p99, p999, max].map((ms) => formatFigure(ms, 'ms'));
      return [[`${escapeHtml(name)} <span class="quiet">${kind}</span>`, ...times, formatCount(count)]];
    }),
  );
  const head = ['', 'p50', 'p99', 'p99.9', 'max', 'count'];
  return `<section class="panel" id="phases"><h2>Latency by phase</h2>${table(head, rows)}</section>`;
}
