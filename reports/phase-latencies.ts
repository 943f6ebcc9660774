import { LATENCY_KINDS, type LatencyKind, type LatencySummary, type RunRecord } from '../record/run.js';

/** The latencies of one phase; a kind that was not recorded in it is absent. */
export interface PhaseLatencies {
  name: string;
  latencies: Partial<Record<LatencyKind, LatencySummary>>;
}

/** Latencies phase by phase, those phases that recorded any; empty for records of before they were told. */
export function phaseLatencies(record: RunRecord): PhaseLatencies[] {
  return record.phases.flatMap(({ name, latency }) => {
    const recorded = LATENCY_KINDS.filter((kind) => (latency?.[kind].count ?? 0) > 0);
    if (recorded.length === 0) return [];
    return [{ name, latencies: Object.fromEntries(recorded.map((kind) => [kind, latency?.[kind]])) }];
  });
}
