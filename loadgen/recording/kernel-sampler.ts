import { readFileSync } from 'node:fs';
import type { TimelineSample } from '../../record/timeline.js';
import { readSocketCaches, type SocketCaches, slabBytes } from './socket-caches.js';

export type KernelSample = TimelineSample['kernel'];

/** The kernel at one moment, with what a line of the timeline has no room for. */
export interface KernelReading {
  sample: KernelSample;
  /** TCP sockets of the whole host, those of other network namespaces too; 0 where the kernel does not tell. */
  sockets: number;
  /** Null where they cannot be read: they are for root. */
  caches: SocketCaches | null;
}

const PAGE_BYTES = 4096;
/** USER_HZ, which Linux has kept at 100 on every platform that Node.js runs on. */
const TICKS_PER_SECOND = 100;
const MICROSECONDS_PER_SECOND = 1e6;

/** Memory, sockets and CPU of the kernel, from /proc; all zero where there is no /proc. */
export function readKernel(): KernelReading {
  const memory = readTable('/proc/meminfo', /^(\w+):\s+(\d+) kB/);
  const sockets = /^TCP: inuse (\d+) orphan \d+ tw (\d+) alloc (\d+) mem (\d+)/m.exec(
    readProc('/proc/net/sockstat'),
  );
  const sockets6 = /^TCP6: inuse (\d+)/m.exec(readProc('/proc/net/sockstat6'));
  const caches = readSocketCaches(readProc('/proc/slabinfo'));
  return {
    sockets: Number(sockets?.[3] ?? 0),
    caches,
    sample: {
      slabBytes: (memory.get('Slab') ?? 0) * 1024,
      tcpSlabBytes: caches && slabBytes(caches),
      socketsInUse: Number(sockets?.[1] ?? 0) + Number(sockets6?.[1] ?? 0),
      socketsTimeWait: Number(sockets?.[2] ?? 0),
      socketBufferBytes: Number(sockets?.[4] ?? 0) * PAGE_BYTES,
      ...parseCpuTimes(readProc('/proc/stat')),
      pressure: readPressure(),
      availableBytes: (memory.get('MemAvailable') ?? 0) * 1024,
    },
  };
}

/** @param text /proc/stat, whose first line counts ticks: user, nice, system, idle, iowait, irq, softirq, steal */
export function parseCpuTimes(text: string): Pick<KernelSample, 'busySeconds' | 'stealSeconds'> {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = text
    .split('\n', 1)
    .flatMap((line) => line.split(/\s+/))
    .map(Number);
  return {
    busySeconds: (user + nice + system + irq + softirq) / TICKS_PER_SECOND,
    stealSeconds: steal / TICKS_PER_SECOND,
  };
}

/**
 * Seconds in which at least one task waited for a CPU, for memory or for a disk: pressure stall information of the
 * kernel (Documentation/accounting/psi.rst). Null where it keeps none.
 */
function readPressure(): KernelSample['pressure'] {
  const [cpu, memory, io] = ['cpu', 'memory', 'io'].map((what) =>
    parsePressure(readProc(`/proc/pressure/${what}`)),
  );
  return cpu === null && memory === null && io === null
    ? null
    : { cpu: cpu ?? null, memory: memory ?? null, io: io ?? null };
}

/** @param text such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=12345`, in microseconds, and a line `full …` */
export function parsePressure(text: string): number | null {
  const total = /^some .*\btotal=(\d+)/m.exec(text)?.[1];
  return total === undefined ? null : Number(total) / MICROSECONDS_PER_SECOND;
}

function readTable(file: string, line: RegExp): Map<string, number> {
  const table = new Map<string, number>();
  for (const text of readProc(file).split('\n')) {
    const match = line.exec(text);
    if (match?.[1]) table.set(match[1], Number(match[2]));
  }
  return table;
}

/** Empty where the file is missing, for root only, or about something that the kernel was told not to keep. */
function readProc(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'EACCES', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP'].includes(code)) return '';
    throw error;
  }
}
