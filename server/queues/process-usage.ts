import { readFileSync } from 'node:fs';

/** Memory and CPU of this process. */
export interface ProcessUsage {
  residentBytes: number;
  /** Anonymous pages: what the process has for itself. Where /proc is missing, the resident set. */
  privateBytes: number;
  cpuSeconds: number;
}

export function readProcessUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  const residentBytes = process.memoryUsage.rss();
  return {
    residentBytes,
    privateBytes: readAnonymousBytes() ?? residentBytes,
    cpuSeconds: (user + system) / 1e6,
  };
}

function readAnonymousBytes(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    // A counter that the kernel keeps: unlike smaps_rollup, reading it walks no page table.
    const match = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    // A process that has no descriptor left (EMFILE) must not end for want of a figure.
    return undefined;
  }
}
