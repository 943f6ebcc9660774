import { readFileSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';

/** Descriptors of a process that are no clients, and room for a kernel that spreads connections unevenly. */
export const SPARE_FILES = 1000;

/** What bounds the connections of this host. Null: not known here, or no limit. */
export interface HostFacts {
  cores: number;
  memoryBytes: number;
  availableBytes: number;
  openFiles: OpenFileLimit;
  /** Highest value that the hard limit may be raised to. */
  openFilesCeiling: number | null;
  /** File handles of the whole system, and how many are in use. */
  fileMax: number | null;
  filesInUse: number | null;
  ephemeralPorts: number | null;
  somaxconn: number | null;
  tcpMaxSynBacklog: number | null;
  /** Connections that the firewall can keep track of; null where it tracks none. */
  conntrackMax: number | null;
}

/** Of this process and those that it forks; Node has raised the soft limit to the hard one. */
export interface OpenFileLimit {
  soft: number | null;
  hard: number | null;
}

/** Reads the limits, and changes none. */
export function readHostFacts(): HostFacts {
  const [low, high] = readNumbers('/proc/sys/net/ipv4/ip_local_port_range');
  const [filesInUse] = readNumbers('/proc/sys/fs/file-nr');
  const [tracked = 0] = readNumbers('/proc/sys/net/netfilter/nf_conntrack_count');
  return {
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    availableBytes: readAvailableMemory(),
    openFiles: readOpenFileLimit(),
    openFilesCeiling: readNumber('/proc/sys/fs/nr_open'),
    fileMax: readNumber('/proc/sys/fs/file-max'),
    filesInUse: filesInUse ?? null,
    ephemeralPorts: low !== undefined && high !== undefined ? high - low + 1 : null,
    somaxconn: readNumber('/proc/sys/net/core/somaxconn'),
    tcpMaxSynBacklog: readNumber('/proc/sys/net/ipv4/tcp_max_syn_backlog'),
    // The module may be loaded with no rule that uses it; then nothing is tracked.
    conntrackMax: tracked > 0 ? readNumber('/proc/sys/net/netfilter/nf_conntrack_max') : null,
  };
}

/** The open-file limit of this process. */
function readOpenFileLimit(): OpenFileLimit {
  const match = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(read('/proc/self/limits') ?? '');
  const number = (text: string | undefined): number | null => {
    return text === undefined || text === 'unlimited' ? null : Number(text);
  };
  return { soft: number(match?.[1]), hard: number(match?.[2]) };
}

function readAvailableMemory(): number {
  const match = /^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo') ?? '');
  return match ? Number(match[1]) * 1024 : freemem();
}

function readNumber(file: string): number | null {
  return readNumbers(file)[0] ?? null;
}

function readNumbers(file: string): number[] {
  const text = read(file)?.trim();
  return text ? text.split(/\s+/).map(Number) : [];
}

/** Undefined where the file is not there: another system than Linux, or a module that is not loaded. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
