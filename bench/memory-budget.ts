import { parseServerConfig, type ServerConfigInput } from '../server/config.js';

/** What the heap of one process may hold between two collections, and its libraries for themselves. */
const ROOM_A_PROCESS_BYTES = 48 * 2 ** 20;
/** Limits of a worker that bound what it holds of its clients' bytes. */
const BUDGETS = ['outboundTotalBytes', 'inboundBytes'] as const;
/** One for what has no answer, and one for what has no end yet. */
const INBOUND_BUDGETS = 2;

export interface MemoryBudget {
  bytes: number;
  /** How the sum comes about, in words. */
  terms: string;
}

/** These limits, each set to `bytes`. */
export function budgetOf(bytes: number): object {
  return Object.fromEntries(BUDGETS.map((name) => [name, bytes]));
}

/** What a server of this configuration may hold more than when idle, however it is treated: its limits, and room. */
export function memoryBudget(input: ServerConfigInput): MemoryBudget {
  const { limits, workers, homes, media } = parseServerConfig(input);
  const terms: string[] = [];
  let bytes = 0;
  for (const name of BUDGETS) {
    const limit = limits[name];
    const count = name === 'inboundBytes' ? INBOUND_BUDGETS * workers : workers;
    bytes += count * limit;
    terms.push(`${count} x ${name} ${toMiB(limit)}`);
  }
  const processes = (workers > 1 ? workers + 1 : 1) + homes + (media ? 1 : 0);
  bytes += processes * ROOM_A_PROCESS_BYTES;
  terms.push(`${processes} processes x ${toMiB(ROOM_A_PROCESS_BYTES)} of heap`);
  return { bytes, terms: terms.join(' + ') };
}

export function toMiB(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;
}
