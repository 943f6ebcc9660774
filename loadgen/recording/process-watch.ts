import type { Measurement } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { ServerMemory } from './memory-ramp.js';
import { inMidSeconds } from './mid-seconds.js';
import type { ProcessesReading, ServerProcesses } from './process-sum.js';
import type { ServerWatch } from './server-watch.js';

const MS_PER_SECOND = 1000;

/** A server that says nothing of itself, seen from the outside: by its processes. */
export class ProcessWatch implements ServerWatch {
  readonly #processes: ServerProcesses;
  #latest: { reading: ProcessesReading; atMs: number } | undefined;
  /** What the next line of the timeline is measured from. */
  #taken: { cpuSeconds: number; atMs: number } | undefined;
  #memory: ServerMemory | null = null;
  #most: NonNullable<Measurement['serverProcesses']> | null = null;
  #stop: () => void = () => undefined;

  constructor(processes: ServerProcesses) {
    this.#processes = processes;
  }

  get memory(): ServerMemory | null {
    return this.#memory;
  }

  /** Most at one time; null: there never were any. */
  get most(): Measurement['serverProcesses'] {
    return this.#most;
  }

  poll(): Promise<void> {
    this.#look();
    return Promise.resolve();
  }

  start(startMs: number): void {
    this.take();
    this.#stop = inMidSeconds(startMs, () => this.#look());
  }

  stop(): void {
    this.#stop();
  }

  take(): TimelineSample['server'] {
    const [latest, before] = [this.#latest, this.#taken];
    if (!latest || (before && latest.atMs <= before.atMs)) return null;
    const { reading, atMs } = latest;
    this.#taken = { cpuSeconds: reading.cpuSeconds, atMs };
    if (!before) return null;
    const seconds = (atMs - before.atMs) / MS_PER_SECOND;
    const { privateBytes, processes, threads, openFiles } = reading;
    return {
      connections: null,
      cpu: Math.max(0, reading.cpuSeconds - before.cpuSeconds) / seconds,
      seconds: Math.round(seconds * 1000) / 1000,
      privateBytes,
      eventLoopLagMs: null,
      processes,
      threads,
      openFiles,
      queues: {},
    };
  }

  #look(): void {
    const reading = this.#processes.read();
    this.#latest = reading ? { reading, atMs: monotonicMs() } : undefined;
    this.#memory = reading && {
      privateBytes: reading.privateBytes,
      connections: null,
      processes: reading.processes,
    };
    if (reading) this.#most = mostOf(this.#most, reading);
  }
}

function mostOf(
  before: Measurement['serverProcesses'],
  { processes, threads, openFiles }: ProcessesReading,
): NonNullable<Measurement['serverProcesses']> {
  return {
    processes: Math.max(processes, before?.processes ?? 0),
    threads: Math.max(threads, before?.threads ?? 0),
    openFiles: openFiles === null ? (before?.openFiles ?? null) : Math.max(openFiles, before?.openFiles ?? 0),
  };
}
