import type { Measurement } from '../../record/run.js';
import type { AgentPool } from '../agent-pool.js';
import { type KernelSample, kernelConnectionBytes, sampleKernel } from './kernel-sampler.js';
import type { ServerPoller } from './server-poller.js';

/** Memory of the three that hold a connection, at one moment; null: not known. */
export interface MemoryReading {
  kernel: KernelSample;
  server: number | null;
  client: number | null;
}

type BytesPerConnection = Measurement['memory']['bytesPerConnection'];

/** Now. The server's part is that of its last answer. */
export function readMemory(pool: AgentPool, poller: ServerPoller | undefined): MemoryReading {
  return { kernel: sampleKernel(), server: poller?.privateBytes() ?? null, client: pool.privateBytes() };
}

export const NOT_MEASURED: BytesPerConnection = { kernel: null, server: null, client: null, total: null };

/**
 * Growth divided by the connections. A part that did not grow is lost in the noise of the rest of the machine, and is
 * null rather than a zero that passes every gate.
 */
export function bytesPerConnection(
  before: MemoryReading,
  after: MemoryReading,
  connections: number,
): BytesPerConnection {
  const growth = (from: number | null, to: number | null): number | null =>
    connections > 0 && from !== null && to !== null && to > from
      ? Math.round((to - from) / connections)
      : null;
  const kernel = growth(kernelConnectionBytes(before.kernel), kernelConnectionBytes(after.kernel));
  const server = growth(before.server, after.server);
  const client = growth(before.client, after.client);
  const isWhole = kernel !== null && server !== null && client !== null;
  return { kernel, server, client, total: isWhole ? kernel + server + client : null };
}
