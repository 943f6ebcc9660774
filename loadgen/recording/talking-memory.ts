import type { Measurement } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import type { ConnectionEnds } from './connection-ends.js';
import { cacheBytesASocket, likelySockets, totalOf } from './connection-memory.js';
import type { KernelReading } from './kernel-sampler.js';
import type { MemoryReading } from './memory-ramp.js';
import { median } from './robust-line.js';

type Talking = NonNullable<Measurement['memory']['talking']>;
type Part = keyof Omit<Talking, 'total'>;

/**
 * Bytes of one connection while the phases run: all that is held more than before the first connect, over the
 * connections that are open; of these the median of the seconds. What the processes take for their work, and what
 * waits in them, is in it, so with few connections it is far above the idle figure.
 */
export class TalkingMemory {
  readonly #before: MemoryReading;
  readonly #ends: ConnectionEnds;
  readonly #seconds: Record<Part, number[]> = {
    kernel: [],
    server: [],
    client: [],
    socketBuffers: [],
    wholeSlab: [],
  };

  constructor(before: MemoryReading, ends: ConnectionEnds) {
    this.#before = before;
    this.#ends = ends;
  }

  /**
   * @param sample of a second in which the clients talk
   * @param kernel read at its end
   */
  add({ connections, server, generator }: TimelineSample, kernel: KernelReading): void {
    const { open } = connections;
    if (open === 0) return;
    const { kernel: before, server: serverBefore, clientBytes } = this.#before;
    const grown = (from: number | null | undefined, to: number | undefined): number | null =>
      typeof from === 'number' && to !== undefined ? (to - from) / open : null;
    const sockets = this.#ends.sockets ?? likelySockets(kernel.sockets - before.sockets, open, this.#ends);
    // Kernel memory that was held before the run belongs to others.
    const ofKernel = (bytes: number | null): number | null => (sockets === 0 ? null : bytes);
    const slab = ofKernel(grown(before.sample.slabBytes, kernel.sample.slabBytes));
    const now: Record<Part, number | null> = {
      // The whole slab stands in for the caches where those cannot be read.
      kernel: kernel.caches ? ofKernel(this.#cacheBytes(kernel, sockets)) : slab,
      server: grown(serverBefore?.privateBytes, server?.privateBytes),
      client: grown(clientBytes, generator.privateBytes),
      socketBuffers: ofKernel(grown(before.sample.socketBufferBytes, kernel.sample.socketBufferBytes)),
      wholeSlab: slab,
    };
    for (const [part, bytes] of Object.entries(now) as [Part, number | null][])
      if (bytes !== null) this.#seconds[part].push(bytes);
  }

  #cacheBytes(kernel: KernelReading, sockets: number): number | null {
    const eachSocket = cacheBytesASocket(this.#before.kernel, kernel);
    return eachSocket === null ? null : eachSocket * sockets;
  }

  /** Null where nobody talked. */
  summary(): Talking | null {
    if (Object.values(this.#seconds).every((bytes) => bytes.length === 0)) return null;
    const of = (part: Part): number | null => {
      const bytes = median(this.#seconds[part]);
      return bytes === null || bytes <= 0 ? null : Math.round(bytes);
    };
    const parts = { kernel: of('kernel'), server: of('server'), client: of('client') };
    return {
      ...parts,
      total: totalOf(parts),
      // Empty buffers are a result, not a missing one: 0, not null.
      socketBuffers: nonNegative(median(this.#seconds.socketBuffers)),
      wholeSlab: of('wholeSlab'),
    };
  }
}

function nonNegative(bytes: number | null): number | null {
  return bytes === null ? null : Math.max(0, Math.round(bytes));
}
