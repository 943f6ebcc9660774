import type { TimelineSample } from '../../record/timeline.js';
import type { ServerMemory } from './memory-ramp.js';

/** What tells of the server while a run goes on: its admin port, or its processes. */
export interface ServerWatch {
  /** Memory at the last look; the same object until there is something new. */
  readonly memory: ServerMemory | null;
  /** Looks once. What fails is remembered, not thrown: the run goes on without it. */
  poll(): Promise<void>;
  /** Looks once a second. @param startMs monotonic, when the run begins */
  start(startMs: number): void;
  stop(): void;
  /** The server's part of a line of the timeline; null where there is nothing new since the last call. */
  take(): TimelineSample['server'];
}
