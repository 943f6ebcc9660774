import type { Measurement } from '../../record/run.js';
import type { ConnectionEnds } from './connection-ends.js';
import type { KernelReading } from './kernel-sampler.js';
import type { MemoryReading, RampSlopes } from './memory-ramp.js';
import { bytesASocket } from './socket-caches.js';

type Memory = Measurement['memory'];
type Parts = Pick<Memory['bytesPerConnection'], 'kernel' | 'server' | 'client'>;
type Method = 'slope' | 'difference' | null;

/** The connect phase of a run, seen by its memory. */
export interface ConnectedMemory {
  /** Before the first connect, and when all were logged in and had come to rest. */
  before: MemoryReading;
  after: MemoryReading;
  slopes: RampSlopes;
  /** First logins, for a server that does not tell its connections. */
  logins: number;
  ends: ConnectionEnds;
  agents: number;
}

/** Some sockets come and go in every run: those of the admin port, of media, of programs that have nothing to do with it. */
const STRAY_SOCKETS = 100;
const STRAY_SHARE = 0.05;
/** Memory of fewer is lost among what the processes take for themselves, whoever else is at work. */
const NOTEWORTHY_SOCKETS = 2000;

export const NOT_MEASURED: Memory = {
  bytesPerConnection: { kernel: null, server: null, client: null, total: null },
};

/**
 * Bytes of one connection that is logged in and idle: the slope of memory over connections while they come, or where
 * the clients connected too fast for a line, the growth from before the first to after the last, divided by them. A
 * part that did not grow is lost in the noise of the rest of the machine, and is null rather than a zero that passes
 * every gate.
 */
export function connectedMemory(run: ConnectedMemory): Memory {
  const { before, after, slopes, agents } = run;
  const connections = connectionsOf(run);
  const sockets = socketsOf(run, connections);
  const perConnection = sockets.perConnection;
  const kernel = kernelPart(run, sockets);
  const server = part(
    serverSlope(run, perConnection),
    difference(before.server?.privateBytes, after.server?.privateBytes, connections),
  );
  const client = part(
    perConnection === 0 || slopes.client === null ? null : slopes.client * perConnection,
    difference(before.clientBytes, after.clientBytes, connections),
  );
  const slab =
    perConnection === 0
      ? NO_PART
      : part(
          slopes.slab === null ? null : slopes.slab * perConnection,
          difference(before.kernel.sample.slabBytes, after.kernel.sample.slabBytes, connections),
        );
  const buffersGrown = difference(
    before.kernel.sample.socketBufferBytes,
    after.kernel.sample.socketBufferBytes,
    connections,
  );
  const parts = { kernel: kernel.bytes, server: server.bytes, client: client.bytes };
  return {
    bytesPerConnection: {
      ...parts,
      total: totalOf(parts),
      socketBuffers:
        before.kernel.sockets === 0 || perConnection === 0
          ? null
          : bufferBytes(slopes.buffers, perConnection, buffersGrown),
      wholeSlab: slab.bytes,
      method: { kernel: kernel.method, server: server.method, client: client.method },
    },
    perProcess: {
      server: baseBytes(after.server?.privateBytes, server.bytes, connections, after.server?.processes ?? 0),
      agent: baseBytes(after.clientBytes, client.bytes, connections, agents),
    },
    sockets: { expected: sockets.expected, opened: sockets.opened },
  };
}

/** A server that does not tell its connections is measured by the sockets of the host. */
function serverSlope({ after, slopes }: ConnectedMemory, perConnection: number): number | null {
  if (typeof after.server?.connections === 'number') return slopes.server;
  if (perConnection === 0 || slopes.serverBySocket === null) return null;
  return slopes.serverBySocket * perConnection;
}

/** What must be said beside the figures; undefined: no other process was seen at work on sockets. */
export function socketNote({ sockets }: Memory): string | undefined {
  if (!sockets || isExpected(sockets) || (sockets.expected ?? 0) < NOTEWORTHY_SOCKETS) return undefined;
  return (
    `the TCP sockets of this host changed by ${sockets.opened} while the clients connected, where ${sockets.expected} ` +
    'more were to be expected: another process was at work, and memory a connection is less certain'
  );
}

/** All three parts together; null where one is not known. */
export function totalOf({ kernel, server, client }: Parts): number | null {
  return kernel !== null && server !== null && client !== null ? kernel + server + client : null;
}

/** Bytes of the caches that a socket takes, by the growth between two moments; null where it cannot be told. */
export function cacheBytesASocket(before: KernelReading, after: KernelReading): number | null {
  const sockets = after.sockets - before.sockets;
  if (!before.caches || !after.caches || sockets <= 0) return null;
  const { caches } = after;
  return bytesASocket(caches, (name) => {
    const [from, to] = [before.caches?.get(name), caches.get(name)];
    return to ? (to.objects - (from?.objects ?? 0)) / sockets : null;
  });
}

interface Sockets {
  /** 0: neither of its ends is on this machine. */
  perConnection: number;
  expected: number | null;
  opened: number | null;
}

/** Each end of a connection that is on this host has a socket; over the packet transport the clients' ends have none. */
function socketsOf({ before, after, ends }: ConnectedMemory, connections: number): Sockets {
  if (before.kernel.sockets === 0 && after.kernel.sockets === 0)
    return { perConnection: ends.sockets ?? ends.fewest, expected: null, opened: null };
  const opened = after.kernel.sockets - before.kernel.sockets;
  const perConnection = ends.sockets ?? likelySockets(opened, connections, ends);
  return { perConnection, expected: Math.round(perConnection * connections), opened };
}

/**
 * Sockets that a connection has on this host, where the target does not say: a server in a container of this host, or a
 * proxy before it, has sockets here as well, a whole number of them. Of clients on lent machines some may be here too, where
 * this is one of those, so with them it need not be whole.
 */
export function likelySockets(
  opened: number,
  connections: number,
  { fewest, isWhole }: Pick<ConnectionEnds, 'fewest' | 'isWhole'>,
): number {
  const each = opened / Math.max(1, connections);
  const whole = Math.round(each);
  const isNearlyWhole = Math.abs(each - whole) <= STRAY_SHARE;
  return Math.max(fewest, isWhole || isNearlyWhole ? whole : each);
}

function isExpected({ expected, opened }: { expected: number | null; opened: number | null }): boolean {
  if (expected === null || opened === null) return true;
  return Math.abs(opened - expected) <= Math.max(STRAY_SOCKETS, expected * STRAY_SHARE);
}

interface Part {
  bytes: number | null;
  method: Method;
}

const NO_PART: Part = { bytes: null, method: null };

/** Null too where sockets were opened or closed by somebody else, and nothing tells theirs from ours. */
function kernelPart({ before, after, slopes }: ConnectedMemory, sockets: Sockets): Part {
  const { perConnection } = sockets;
  if (perConnection === 0) return NO_PART;
  if (after.kernel.caches) {
    const each = cacheBytesASocket(before.kernel, after.kernel);
    return part(
      slopes.socket === null ? null : slopes.socket * perConnection,
      each === null ? null : each * perConnection,
    );
  }
  // The whole slab stands in for the caches.
  const grown = difference(
    before.kernel.sample.slabBytes,
    after.kernel.sample.slabBytes,
    (sockets.opened ?? 0) / perConnection,
  );
  return part(slopes.slab === null ? null : slopes.slab * perConnection, isExpected(sockets) ? grown : null);
}

/**
 * The lower of slope and growth: idle connections have next to nothing in their buffers, and another process that fills
 * or empties its own in the meantime moves only one of the two upwards.
 */
function bufferBytes(slope: number | null, perConnection: number, growth: number | null): number | null {
  if (growth === null) return null;
  return Math.max(0, Math.round(Math.min(growth, slope === null ? growth : slope * perConnection)));
}

function part(slope: number | null, growth: number | null): Part {
  const bytes = slope ?? growth;
  if (bytes === null || bytes <= 0) return NO_PART;
  return { bytes: Math.round(bytes), method: slope === null ? 'difference' : 'slope' };
}

function difference(
  from: number | null | undefined,
  to: number | null | undefined,
  connections: number,
): number | null {
  if (typeof from !== 'number' || typeof to !== 'number' || connections <= 0) return null;
  return (to - from) / connections;
}

/** What each process holds for itself, however many connections it has. */
function baseBytes(
  bytes: number | null | undefined,
  bytesAConnection: number | null,
  connections: number,
  processes: number,
): number | null {
  if (typeof bytes !== 'number' || bytesAConnection === null || processes === 0) return null;
  return Math.max(0, Math.round((bytes - bytesAConnection * connections) / processes));
}

function connectionsOf({ before, after, logins }: ConnectedMemory): number {
  const [from, to] = [before.server?.connections, after.server?.connections];
  return typeof from === 'number' && typeof to === 'number' ? to - from : logins;
}
