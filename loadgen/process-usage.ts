import { readFileSync } from 'node:fs';

/** Memory and CPU of this process. */
export interface ProcessUsage {
  privateBytes: number;
  cpuSeconds: number;
}

export function readProcessUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return {
    privateBytes: readPrivateBytes(process.pid) ?? process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
  };
}

/**
 * Anonymous memory of a process in bytes: what it has for itself. Undefined where there is no /proc.
 * A counter that the kernel keeps: unlike smaps_rollup, reading it walks no page table.
 */
export function readPrivateBytes(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const match = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch (error) {
    // No descriptor left: a figure that is missing, and no reason to end.
    if (['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
