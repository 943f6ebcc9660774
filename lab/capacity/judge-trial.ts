import type { CapacityTrial } from '../../record/capacity.js';
import type { RunRecord } from '../../record/run.js';
import type { RunOutcome } from '../run-scenario.js';
import { HostShare } from './host-share.js';

/** What a trial came to, as far as its own run tells. */
export type TrialResult = Omit<CapacityTrial, 'number' | 'folder' | 'level' | 'length'>;

const NOTHING_MEASURED: Omit<TrialResult, 'verdict' | 'faults'> = {
  seconds: null,
  offeredPerSecond: null,
  deliveredPerSecond: null,
  connectionsPeak: null,
  latencyP50Ms: null,
  latencyP99Ms: null,
  serverCores: null,
  generatorCores: null,
  lagP99Ms: null,
  missed: [],
};

/**
 * @param isInterrupted somebody wanted the end of it
 * @param share of the host, as far as it was watched
 */
export function judgeTrial(
  { record, failure }: RunOutcome,
  isInterrupted: boolean,
  share = new HostShare(),
): TrialResult {
  // Nothing was measured: the search ends with it.
  if (!record) return { verdict: 'stopped', ...NOTHING_MEASURED, faults: failure ? [failure.message] : [] };
  const { generator, gates, latency, cpu, connections } = record;
  const seen = verdictOf(record, isInterrupted);
  const disturbance = seen === 'stopped' ? undefined : disturbanceOf(record, seen, share);
  const verdict = disturbance === undefined ? seen : 'lab';
  const faults = [
    ...(disturbance === undefined ? [] : [disturbance]),
    ...generator.faults,
    ...(verdict === 'lab' && failure ? [failure.message] : []),
    ...(record.target.died === null ? [] : [`the server died: ${record.target.died}`]),
  ];
  return {
    verdict,
    ...throughput(record),
    connectionsPeak: connections.peak,
    latencyP50Ms: latency.delivered.p50,
    latencyP99Ms: latency.delivered.p99,
    serverCores: cpu?.serverCores.mean ?? null,
    generatorCores: cpu?.generatorCores.mean ?? null,
    lagP99Ms: generator.lagMs.p99,
    // Of a trial that was cut short nothing is known, and gates that nobody could judge yet say so at length.
    missed: gates
      .filter(({ passed }) => !passed && verdict !== 'stopped')
      .map(({ expression, value, note }) => ({ expression, value, ...(note !== undefined && { note }) })),
    faults,
  };
}

/** The machines have no room for as much as that: the limit is that of the lab. */
export function noRoom(error: Error): TrialResult {
  return { verdict: 'lab', ...NOTHING_MEASURED, faults: [error.message] };
}

/** What speaks against a trial as one of its level, whatever its gates say. */
function disturbanceOf(
  record: RunRecord,
  seen: TrialResult['verdict'],
  share: HostShare,
): string | undefined {
  if ((record.rateChanges ?? []).length > 0) return 'its rate was changed by hand';
  return seen === 'broke' && record.target.died === null ? share.disturbance(record) : undefined;
}

function verdictOf({ verdict, connections }: RunRecord, isInterrupted: boolean): TrialResult['verdict'] {
  switch (verdict) {
    case 'passed':
      return 'held';
    case 'failed':
      return 'broke';
    case 'invalid':
      return 'lab';
    case 'partial':
      if (isInterrupted) return 'stopped';
      // A server that lets nobody in at this level holds nothing; a run that was cut short otherwise has lost an agent.
      return connections.peak === 0 ? 'broke' : 'lab';
  }
}

function throughput({
  phases,
  messages,
  hosts,
}: RunRecord): Pick<TrialResult, 'seconds' | 'offeredPerSecond' | 'deliveredPerSecond'> {
  const seconds = phases
    .filter(({ name }) => name !== 'connect' && name !== 'drain')
    .reduce((sum, { startSeconds, endSeconds }) => sum + endSeconds - startSeconds, 0);
  const delivered = hosts.flatMap(({ agents }) => agents.map(({ messagesPerSecond }) => messagesPerSecond));
  return {
    seconds,
    offeredPerSecond: messages.due === null || seconds === 0 ? null : rounded(messages.due / seconds),
    deliveredPerSecond: delivered.every((each) => each === null)
      ? null
      : rounded(delivered.reduce<number>((sum, each) => sum + (each ?? 0), 0)),
  };
}

function rounded(perSecond: number): number {
  return Math.round(perSecond * 10) / 10;
}
