import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
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

async function takesConnection({ host, port }: Endpoint): Promise<boolean> {
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

/** Empty where the kernel has no IPv6. */
function readTable(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
