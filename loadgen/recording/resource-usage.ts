import { cpus } from 'node:os';
import type { Measurement } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import type { AgentPool } from '../coordination/agent-pool.js';
import { monotonicMs } from '../monotonic-clock.js';
import { type ConnectionEnds, connectionEnds } from './connection-ends.js';
import { connectedMemory, NOT_MEASURED, socketNote } from './connection-memory.js';
import { CpuCost } from './cpu-cost.js';
import { hostLoad } from './host-load.js';
import { type KernelReading, type KernelSample, readKernel } from './kernel-sampler.js';
import { MemoryRamp, type MemoryReading, rampIntervalMs } from './memory-ramp.js';
import type { ServerWatch } from './server-watch.js';
import { TalkingMemory } from './talking-memory.js';

/** The server's workers measure themselves four times a second. Asking more often gives nothing new. */
const SHORTEST_POLL_MS = 250;

/** The run that uses the resources. */
export interface ResourceUser {
  pool: AgentPool;
  /** Undefined: nothing is known of the server. */
  server: ServerWatch | undefined;
  /**
   * Sockets of this host that a connection has where the clients are here as well; null: what is between its ends is not
   * known.
   */
  socketsPerConnection: number | null;
  /** Phases in which the clients talk. */
  phases: ReadonlySet<string>;
}

/**
 * Memory and CPU that a run takes, from before the first connect to the end. The kernel is that of this host, where the
 * coordinator is; memory and CPU of the agents are of all hosts.
 */
export class ResourceUsage {
  readonly #user: ResourceUser;
  readonly #ends: ConnectionEnds;
  readonly #before: MemoryReading;
  readonly #startMs = monotonicMs();
  readonly #ramp = new MemoryRamp();
  readonly #talking: TalkingMemory;
  readonly #cpuCost = new CpuCost();
  #kernel: KernelReading;
  #connected = NOT_MEASURED;
  #host: Measurement['host'];

  /** To be made before the first connect: memory that is held by then belongs to no connection. */
  constructor(user: ResourceUser) {
    this.#user = user;
    this.#ends = connectionEnds(user.pool, user.socketsPerConnection);
    this.#before = this.#read();
    this.#kernel = this.#before.kernel;
    this.#talking = new TalkingMemory(this.#before, this.#ends);
  }

  /** The kernel's part of the next line of the timeline. */
  readKernel(): KernelSample {
    this.#kernel = readKernel();
    return this.#kernel.sample;
  }

  /** Takes the line for which the kernel was read last. */
  add(sample: TimelineSample): void {
    if (!this.#user.phases.has(sample.phase)) return;
    this.#talking.add(sample, this.#kernel);
    this.#cpuCost.add(sample);
  }

  /**
   * Reads memory again and again while clients connect.
   * @param rampMs how long they are expected to take
   * @returns stops it
   */
  watchRamp(rampMs: number): () => void {
    const { server } = this.#user;
    const intervalMs = rampIntervalMs(rampMs);
    const reading = setInterval(() => this.#ramp.add(this.#read()), intervalMs);
    const polling = setInterval(() => void server?.poll(), Math.max(SHORTEST_POLL_MS, intervalMs));
    return () => {
      clearInterval(reading);
      clearInterval(polling);
    };
  }

  /** Everybody is connected and has come to rest. @returns what must be said beside the figures */
  connected(logins: number): string | undefined {
    const { pool } = this.#user;
    this.#connected = connectedMemory({
      before: this.#before,
      after: this.#read(),
      slopes: this.#ramp.slopes(),
      logins,
      ends: this.#ends,
      agents: pool.plans.length,
    });
    return socketNote(this.#connected);
  }

  /** Ends the measurement of the host. */
  end(): void {
    const seconds = (monotonicMs() - this.#startMs) / 1000;
    this.#host = hostLoad(this.#before.kernel.sample, readKernel().sample, seconds, cpus().length);
  }

  /** As run.json has them. */
  summary(): Pick<Measurement, 'memory' | 'cpu' | 'host'> {
    return {
      memory: { ...this.#connected, talking: this.#talking.summary() },
      cpu: this.#cpuCost.summary(),
      ...(this.#host && { host: this.#host }),
    };
  }

  #read(): MemoryReading {
    const { pool, server } = this.#user;
    return { kernel: readKernel(), server: server?.memory ?? null, clientBytes: pool.privateBytes() };
  }
}
