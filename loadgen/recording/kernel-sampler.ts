import { readFileSync } from 'node:fs';
import type { TimelineSample } from '../../record/timeline.js';

export type KernelSample = TimelineSample['kernel'];

const PAGE_BYTES = 4096;
/** USER_HZ, which Linux has kept at 100 on every platform that Node.js runs on. */
const TICKS_PER_SECOND = 100;
/** Slab caches that a TCP socket takes: itself, its inode and name, its file, its place in an epoll set. */
const SOCKET_CACHES = new Set([
  'TCP',
  'TCPv6',
  'sock_inode_cache',
  'dentry',
  'filp',
  'eventpoll_epi',
  'eventpoll_pwq',
  'request_sock_TCP',
  'tw_sock_TCP',
  'ep_head',
  'lsm_file_cache',
]);

/** Memory and sockets of the kernel, from /proc; all zero where there is no /proc. */
export function sampleKernel(): KernelSample {
  const memory = readTable('/proc/meminfo', /^(\w+):\s+(\d+) kB/);
  const sockets = /^TCP: inuse (\d+) orphan \d+ tw (\d+) alloc \d+ mem (\d+)/m.exec(
    read('/proc/net/sockstat'),
  );
  return {
    slabBytes: (memory.get('Slab') ?? 0) * 1024,
    tcpSlabBytes: readSocketCaches(),
    socketsInUse: Number(sockets?.[1] ?? 0),
    socketsTimeWait: Number(sockets?.[2] ?? 0),
    socketBufferBytes: Number(sockets?.[3] ?? 0) * PAGE_BYTES,
    busySeconds: readBusySeconds(),
    availableBytes: (memory.get('MemAvailable') ?? 0) * 1024,
  };
}

/**
 * What the kernel holds for connections: the slab caches of sockets where they can be read (root), else the whole
 * slab, and socket buffers. Null where neither is known.
 */
export function kernelConnectionBytes(sample: KernelSample): number | null {
  if (sample.slabBytes === 0) return null;
  return (sample.tcpSlabBytes ?? sample.slabBytes) + sample.socketBufferBytes;
}

/** Bytes of the objects in use: slabs that an earlier run left half empty would hide what this one takes. */
function readSocketCaches(): number | null {
  const text = read('/proc/slabinfo');
  if (text === '') return null;
  let bytes = 0;
  for (const line of text.split('\n')) {
    const [name = '', active, , size] = line.split(/\s+/, 4);
    if (SOCKET_CACHES.has(name)) bytes += Number(active) * Number(size);
  }
  return bytes;
}

/** The first line of /proc/stat counts ticks: user, nice, system, idle, iowait, irq, softirq, steal. */
function readBusySeconds(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = read('/proc/stat')
    .split('\n', 1)
    .flatMap((line) => line.split(/\s+/))
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

function readTable(file: string, line: RegExp): Map<string, number> {
  const table = new Map<string, number>();
  for (const text of read(file).split('\n')) {
    const match = line.exec(text);
    if (match?.[1]) table.set(match[1], Number(match[2]));
  }
  return table;
}

/** Empty where the file is missing or for root only. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
