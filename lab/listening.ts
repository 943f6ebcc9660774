import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { endianness } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../loadgen/agent-messages.js';
import { monotonicMs } from '../loadgen/monotonic-clock.js';

const CONNECT_TIMEOUT_MS = 1000;
const LOOK_EVERY_MS = 50;

/** Connects once to each, and hangs up. @returns those that take no connection now */
export async function notListening(endpoints: readonly Endpoint[]): Promise<Endpoint[]> {
  const listens = await Promise.all(endpoints.map(takesConnection));
  return endpoints.filter((_, index) => !listens[index]);
}

/** Waits until each takes a connection, until `deadlineMs` (monotonic) or an abort. @returns those that did not */
export async function waitUntilListening(
  endpoints: readonly Endpoint[],
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Endpoint[]> {
  let missing = await notListening(endpoints);
  while (missing.length > 0 && monotonicMs() < deadlineMs && !signal.aborted) {
    await sleep(LOOK_EVERY_MS);
    missing = await notListening(missing);
  }
  return missing;
}

/** Now. */
export async function takesConnection({ host, port }: Pick<Endpoint, 'host' | 'port'>): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    return true;
  } catch (error) {
    // Refused, unreachable, no answer in time: whatever it is, nobody listens there yet.
    const { code = '', name } = error as NodeJS.ErrnoException;
    if (name !== 'AbortError' && !code.startsWith('E')) throw error;
    return false;
  } finally {
    socket.destroy();
  }
}

/** Of /proc/net/tcp: local address, port and the state LISTEN. */
const LISTENING = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /gm;

/**
 * Whether somebody listens at this port on every address of the network namespace of this process, and not on loopback
 * alone.
 */
export function listensEverywhere(port: number): boolean {
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((file) =>
    [...readTable(file).matchAll(LISTENING)].some(
      ([, address = '', hex = '']) => Number.parseInt(hex, 16) === port && /^0+$/.test(address),
    ),
  );
}

/** Of the same table: address, port and the number of the socket. */
const LISTENING_SOCKET = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A (?:\S+ +){5}(\d+)/gm;

/** Where these processes listen, such as `127.0.0.1:1883`. Linux; elsewhere nowhere. */
export function listeningPlaces(pids: readonly number[]): string[] {
  const sockets = new Set(pids.flatMap(socketsOf));
  const places = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    [...readTable(file).matchAll(LISTENING_SOCKET)]
      .filter(([, , , socket = '']) => sockets.has(socket))
      .map(([, address = '', port = '']) => `${readableAddress(address)}:${Number.parseInt(port, 16)}`),
  );
  return [...new Set(places)];
}

/** Numbers of the sockets that a process holds. */
function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return (orNothing(() => readdirSync(folder)) ?? []).flatMap((fd) => {
    const [, socket] =
      /^socket:\[(\d+)\]$/.exec(orNothing(() => readlinkSync(`${folder}/${fd}`)) ?? '') ?? [];
    return socket === undefined ? [] : [socket];
  });
}

/** The process has ended meanwhile, or is not ours to look at. */
function orNothing<Found>(look: () => Found): Found | undefined {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}

/** The kernel writes words of 32 bits in the order of the host: `0100007F` is 127.0.0.1 where the low byte comes first. */
function readableAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = Buffer.concat(
    words.map((word) =>
      endianness() === 'LE' ? Buffer.from(word, 'hex').reverse() : Buffer.from(word, 'hex'),
    ),
  );
  if (bytes.length === 4) return bytes.join('.');
  const groups = (bytes.toString('hex').match(/.{4}/g) ?? []).join(':');
  return new URL(`http://[${groups}]`).hostname;
}

/** Empty where the kernel has no IPv6. */
function readTable(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
