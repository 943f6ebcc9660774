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
 * Anonymous memory of a process in bytes: what it has for itself. Undefined where there is no /proc, or the process has ended.
 * A counter that the kernel keeps: unlike smaps_rollup, reading it walks no page table.
 */
export function readPrivateBytes(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const match = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch (error) {
    // No descriptor left, or the process has ended: a figure that is missing, and no reason to end.
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['EMFILE', 'ENFILE', 'ENOENT', 'ESRCH'].includes(code)) return undefined;
    throw error;
  }
}
