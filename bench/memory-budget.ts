import { parseServerConfig, type ServerConfigInput } from '../server/config.js';

/** What the heap of one process may hold between two collections, and its libraries for themselves. */
const ROOM_A_PROCESS_BYTES = 48 * 2 ** 20;
/** Limits of a worker that bound what it holds of its clients' bytes, as far as this version has them. */
const BUDGETS = ['outboundTotalBytes', 'inboundBytes', 'inboundTotalBytes'];

export interface MemoryBudget {
  bytes: number;
  /** How the sum comes about, in words. */
  terms: string;
}

/** The limits in `BUDGETS` that this version has, each set to `bytes`. */
export function budgetOf(bytes: number): object {
  const { limits } = parseServerConfig({});
  return Object.fromEntries(BUDGETS.filter((name) => name in limits).map((name) => [name, bytes]));
}

/** What a server of this configuration may hold more than when idle, however it is treated: its limits, and room. */
export function memoryBudget(input: ServerConfigInput): MemoryBudget {
  const { limits, workers, homes, media } = parseServerConfig(input);
  const terms: string[] = [];
  let bytes = 0;
  for (const name of BUDGETS) {
    const limit = (limits as Record<string, unknown>)[name];
    if (typeof limit !== 'number') continue;
    bytes += workers * limit;
    terms.push(`${workers} x ${name} ${toMiB(limit)}`);
  }
  const processes = (workers > 1 ? workers + 1 : 1) + homes + (media ? 1 : 0);
  bytes += processes * ROOM_A_PROCESS_BYTES;
  terms.push(`${processes} processes x ${toMiB(ROOM_A_PROCESS_BYTES)} of heap`);
  return { bytes, terms: terms.join(' + ') };
}

export function toMiB(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;
}
