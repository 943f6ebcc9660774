import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { emptyHistogram } from '../../loadgen/agent/interval-histograms.js';
import { LatencyCounts } from '../../loadgen/recording/latency-counts.js';
import { LONE_RUN, type RunPlace } from '../../telemetry/run-place.js';
import { RunState } from '../../telemetry/run-state.js';
import { recordFixture } from '../fixtures/record.js';

/** A run with these phases that has yet to begin. */
export function runState(place: RunPlace = LONE_RUN): RunState {
  return new RunState({
    scenario: 'offline-backlog',
    version: '1.2.3',
    clients: 5000,
    phases: ['talk', 'third-away', 'return'],
    lagLimitMs: 50,
    place,
  });
}

/** The run of the fixture in its midst: every second is told, and the record so far. */
export function runUnderWay(
  change: Parameters<typeof recordFixture>[0] = () => undefined,
  place: RunPlace = LONE_RUN,
): RunState {
  const { samples, record } = recordFixture(change);
  const state = runState(place);
  state.phase = 'return';
  state.agents = { agents: 2, hosts: 1, lost: [] };
  for (const sample of samples) state.take(sample);
  state.recorded(new Map([['delivered', countsOf([800, 1000, 250_000, 90_000_000])]]));
  state.record = record;
  return state;
}

/** What agents have recorded, in microseconds. */
export function countsOf(values: readonly number[]): LatencyCounts {
  const histogram = emptyHistogram();
  for (const value of values) histogram.recordValue(value);
  const counts = new LatencyCounts();
  counts.addEncoded(encodeIntoCompressedBase64(histogram));
  return counts;
}
