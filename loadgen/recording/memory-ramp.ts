import type { KernelReading } from './kernel-sampler.js';
import { type Point, robustSlope } from './robust-line.js';
import { bytesASocket } from './socket-caches.js';

/** Memory of the three that hold a connection, at one moment; null: not known. */
export interface MemoryReading {
  kernel: KernelReading;
  server: ServerMemory | null;
  /** Private memory of all agents. */
  clientBytes: number | null;
}

/** What the processes of the server hold, all together; the same object until there is something new. */
export interface ServerMemory {
  privateBytes: number;
  /** Null: the server does not tell. */
  connections: number | null;
  processes: number;
}

/** Growth of memory while clients connect; null: no line can be laid through what was read. */
export interface RampSlopes {
  /** Bytes of the socket caches, of the whole slab and of socket buffers a socket. */
  socket: number | null;
  slab: number | null;
  buffers: number | null;
  /** Bytes a connection; null too where the server does not tell how many it has. */
  server: number | null;
  /** Bytes a socket, of any server. */
  serverBySocket: number | null;
  /** Bytes a socket: the agents do not tell at the same moment how many of their clients are connected. */
  client: number | null;
}

/**
 * Memory of the kernel belongs to the whole host, where another process may take or let go of tens of MiB at any time;
 * that is a step in the line and must not count. Private memory belongs to server and agents alone, and what moves
 * it up and down is their garbage, which averages out over the whole ramp.
 */
const KERNEL_REACH = 1 / 6;
/** A ramp of an hour has as many readings as one of minutes: past this, every other one is dropped. */
const MOST_READINGS = 400;
const SHORTEST_INTERVAL_MS = 100;
const LONGEST_INTERVAL_MS = 1000;
/** Readings that an expected ramp is divided into. */
const WANTED_READINGS = 25;

/** How often memory is to be read while clients connect: a short ramp wants as many points as a long one. */
export function rampIntervalMs(rampMs: number): number {
  return Math.min(LONGEST_INTERVAL_MS, Math.max(SHORTEST_INTERVAL_MS, rampMs / WANTED_READINGS));
}

/** What was read of memory while the clients connected. */
export class MemoryRamp {
  #readings: MemoryReading[] = [];
  /** Of so many readings one is kept. */
  #stride = 1;
  #skipped = 0;

  add(reading: MemoryReading): void {
    this.#skipped += 1;
    if (this.#skipped < this.#stride) return;
    this.#skipped = 0;
    this.#readings.push(reading);
    if (this.#readings.length < MOST_READINGS) return;
    this.#readings = this.#readings.filter((_, index) => index % 2 === 1);
    this.#stride *= 2;
  }

  slopes(): RampSlopes {
    const kernel = (y: (reading: KernelReading) => number | undefined): number | null =>
      robustSlope(
        points(this.#readings, ({ kernel }) => ({ x: kernel.sockets, y: y(kernel) })),
        KERNEL_REACH,
      );
    const caches = this.#readings.at(-1)?.kernel.caches ?? null;
    return {
      socket: caches && bytesASocket(caches, (name) => kernel((each) => each.caches?.get(name)?.objects)),
      slab: kernel(({ sample }) => sample.slabBytes),
      buffers: kernel(({ sample }) => sample.socketBufferBytes),
      server: robustSlope(
        points(fresh(this.#readings), ({ server }) => ({
          x: server?.connections ?? undefined,
          y: server?.privateBytes,
        })),
      ),
      serverBySocket: robustSlope(
        points(fresh(this.#readings), ({ kernel, server }) => ({
          x: kernel.sockets,
          y: server?.privateBytes,
        })),
      ),
      client: robustSlope(
        points(this.#readings, ({ kernel: { sockets }, clientBytes }) => ({
          x: sockets,
          y: clientBytes ?? undefined,
        })),
      ),
    };
  }
}

/** A server may be asked more often than it looks at itself; an answer that is not new is no point of its own. */
function fresh(readings: readonly MemoryReading[]): MemoryReading[] {
  return readings.filter(({ server }, index) => server !== null && server !== readings[index - 1]?.server);
}

function points(
  readings: readonly MemoryReading[],
  of: (reading: MemoryReading) => { x: number | undefined; y: number | undefined },
): Point[] {
  return readings.map(of).filter((point): point is Point => point.x !== undefined && point.y !== undefined);
}
