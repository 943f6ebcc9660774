import { addTcp, noTcp } from '../../record/tcp-counters.js';
import { LEDGER_COUNTS, noCounts } from '../agent/ledger.js';
import type { AgentSample } from '../agent-messages.js';

const COUNTS = [
  'connected',
  'reconnected',
  'failed',
  'dropped',
  'due',
  'unscheduled',
  ...LEDGER_COUNTS,
] as const;

const LEVELS = [
  'open',
  'opening',
  'away',
  'inFlight',
  'privateBytes',
] as const satisfies (keyof AgentSample)[];

/** Adds the counts of a sample, and takes over its levels. */
export function addCounts(sum: AgentSample, sample: AgentSample): void {
  for (const name of COUNTS) sum[name] += sample[name];
  for (const name of LEVELS) sum[name] = sample[name];
  addReasons(sum.failures, sample.failures);
  addReasons(sum.refusals, sample.refusals);
  if (sample.tcp) sum.tcp = addTcp(sum.tcp ?? noTcp(), sample.tcp);
}

/** Adds counts by reason. */
export function addReasons(sum: Record<string, number>, reasons: Record<string, number>): void {
  for (const [reason, count] of Object.entries(reasons)) sum[reason] = (sum[reason] ?? 0) + count;
}

/** A level of several agents together. */
export function sumOf(samples: readonly AgentSample[], level: (typeof LEVELS)[number]): number {
  return samples.reduce((sum, sample) => sum + sample[level], 0);
}

/** What an agent has told that has told nothing yet. */
export function emptySample(): AgentSample {
  return {
    fromMs: 0,
    toMs: 0,
    open: 0,
    openPeak: 0,
    openLow: 0,
    opening: 0,
    away: 0,
    inFlight: 0,
    connected: 0,
    reconnected: 0,
    failed: 0,
    dropped: 0,
    failures: {},
    refusals: {},
    due: 0,
    unscheduled: 0,
    ...noCounts(),
    latency: {},
    tcp: null,
    eventLoopLagMs: 0,
    cpuSeconds: 0,
    cpuReadAtMs: 0,
    privateBytes: 0,
  };
}
