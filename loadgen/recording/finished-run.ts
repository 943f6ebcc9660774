import type { Aborted } from '../../record/abort.js';
import type { Measurement } from '../../record/run.js';
import type { AgentPool } from '../coordination/agent-pool.js';
import type { ClockReport } from '../coordination/coordinator.js';
import type { HostFacts } from '../host-facts.js';
import type { MediaLoad } from '../media/media-load.js';
import type { RunRequest } from '../run-request.js';
import type { AgentSummaries } from './agent-summary.js';
import type { LatencyRecorder } from './latency-recorder.js';
import type { MemoryTrend } from './memory-trend.js';
import type { NodeSummaries } from './node-summaries.js';
import type { ServerWatches } from './server-watches.js';
import type { TimelineRecorder } from './timeline-recorder.js';

/** A phase as it was, monotonic; the last one has no end. */
export interface PhaseSpan {
  name: string;
  startMs: number;
  endMs: number;
}

/** All that a finished run knows. */
export interface FinishedRun {
  request: RunRequest;
  facts: HostFacts;
  /** Monotonic, and the same moment by the wall clock. */
  startMs: number;
  startedAtMs: number;
  endMs: number;
  /** False: it goes on, and this is what was measured until now. */
  isOver: boolean;
  phases: PhaseSpan[];
  marks: Measurement['marks'];
  rateChanges: NonNullable<Measurement['rateChanges']>;
  media: MediaLoad | undefined;
  /** Undefined where the connect phase was cut short. */
  connectsPerSecond: number | undefined;
  resources: Pick<Measurement, 'memory' | 'cpu' | 'host'>;
  memoryTrend: MemoryTrend;
  /** Of the server, where it is a cluster. */
  nodes: NodeSummaries;
  notes: string[];
  isPartial: boolean;
  /** Why the target was gone before the end; null: it was not. */
  died: string | null;
  /** The gate that ended it before its end; undefined: none did. */
  aborted: Aborted | undefined;
  pool: AgentPool;
  watches: ServerWatches;
  recorder: TimelineRecorder;
  latency: LatencyRecorder;
  agents: AgentSummaries;
  /** Of the machines whose clocks are not that of this one. */
  clocks: readonly ClockReport[];
}
