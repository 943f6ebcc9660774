import type { ServerStats, WorkerStats } from '../../protocol/stats.js';

const MS_PER_SECOND = 1000;

/** CPU of a server between two of its answers. */
export interface ServerCpu {
  /** Cores in use, all processes together. */
  cores: number;
  /** Between the answers; a process may have looked at itself up to a second before it. */
  seconds: number;
}

interface Reading {
  cpuSeconds: number;
  atMs: number;
  cores: number;
}

/**
 * CPU of a server by its own clocks: each process tells when it read its CPU time, so a rate is over the time in which
 * the CPU was used, however late the answer came. A process that has not looked at itself anew goes on as before.
 */
export class ServerCpuMeter {
  #readings = new Map<number, Reading>();
  #answeredAtMs: number | undefined;

  /** The server that answered until now is gone. */
  restart(): void {
    this.#readings = new Map();
    this.#answeredAtMs = undefined;
  }

  /**
   * @param receivedAtMs monotonic; stands in where the server does not tell when it looked
   * @returns null before there are two answers
   */
  read({ workers, startedAtMs }: ServerStats, receivedAtMs: number): ServerCpu | null {
    const answeredAtMs = this.#answeredAtMs;
    const cores = workers.reduce((sum, worker) => sum + this.#coresOf(worker, startedAtMs, receivedAtMs), 0);
    this.#answeredAtMs = receivedAtMs;
    if (answeredAtMs === undefined || receivedAtMs <= answeredAtMs) return null;
    return { cores, seconds: (receivedAtMs - answeredAtMs) / MS_PER_SECOND };
  }

  #coresOf(
    { worker, cpuSeconds, atMs = undefined }: WorkerStats,
    startedAtMs: number,
    receivedAtMs: number,
  ): number {
    const before = this.#readings.get(worker);
    const readAtMs = atMs ?? receivedAtMs;
    // A new process: it began with no CPU time, at the earliest when the server was started.
    const from = before ?? { cpuSeconds: 0, atMs: atMs === undefined ? readAtMs : startedAtMs, cores: 0 };
    const elapsedMs = readAtMs - from.atMs;
    if (elapsedMs <= 0) {
      if (!before) this.#readings.set(worker, { cpuSeconds, atMs: readAtMs, cores: 0 });
      return from.cores;
    }
    const cores = (Math.max(0, cpuSeconds - from.cpuSeconds) * MS_PER_SECOND) / elapsedMs;
    this.#readings.set(worker, { cpuSeconds, atMs: readAtMs, cores });
    return cores;
  }
}
