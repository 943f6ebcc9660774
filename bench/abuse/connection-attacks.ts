import { setTimeout as sleep } from 'node:timers/promises';
import { type AttackContext, inLanes } from './attack-context.js';
import { openSocket, RawClient } from './raw-client.js';
import { UPGRADE_REQUEST } from './raw-websocket.js';

/** More than two workers may have open, and well below what an attacker's process may. */
const CONNECTIONS = 2600;
const ADMIN_CONNECTIONS = 600;
/** A half request that has stood for this long should have been closed. */
const HALF_REQUEST_MS = 15_000;
/** Each takes a port of this machine for a while. */
const MOST_CHURN = 100_000;
const USER = 1_000_000;
/** The first bytes of a ClientHello that says it has 512. */
const HALF_CLIENT_HELLO = Buffer.from('160301020001', 'hex');

export function halfTls(context: AttackContext): Promise<void> {
  return hold(context, CONNECTIONS, context.ports.tls, HALF_CLIENT_HELLO);
}

export function halfWebSocket(context: AttackContext): Promise<void> {
  return hold(context, CONNECTIONS, context.ports.ws, Buffer.from(UPGRADE_REQUEST.slice(0, 40)));
}

export function silentConnections(context: AttackContext): Promise<void> {
  return hold(context, CONNECTIONS, context.ports.tcp, undefined);
}

/** Half requests to the admin port: they must not stay for ever. */
export async function halfAdminRequests(context: AttackContext): Promise<void> {
  const port = Number(new URL(context.adminUrl).port);
  const openedMs = new Map<number, number>();
  await inLanes(ADMIN_CONNECTIONS, context, async (lane) => {
    const socket = await openSocket(port, context.tally);
    if (!socket) return;
    openedMs.set(lane, performance.now());
    socket.resume().write('GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\nx-half: ');
    context.tally.did('half request');
    await new Promise((resolve) => socket.once('close', resolve));
    openedMs.delete(lane);
  });
  const oldestMs = performance.now() - Math.min(...openedMs.values());
  if (oldestMs > HALF_REQUEST_MS)
    context.tally.fault(`a half request stayed open for ${Math.round(oldestMs / 1000)} s`);
}

/** Opens connections, says the beginning of something, and holds them; what is closed is opened again. */
async function hold(
  context: AttackContext,
  connections: number,
  port: number,
  beginning: Buffer | undefined,
): Promise<void> {
  await inLanes(connections, context, async (lane) => {
    // Not all at once: it is the number that counts.
    await sleep(lane / 2);
    const socket = await openSocket(port, context.tally);
    if (!socket) return;
    context.tally.did('connection');
    socket.resume();
    if (beginning) socket.write(beginning);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await Promise.race([closed, context.over]);
    socket.destroy();
  });
}

/** Users who log in, each another one, and go again. */
export async function logins(context: AttackContext): Promise<void> {
  let user = USER;
  await inBusyLanes(64, context, async () => {
    user += 1;
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, user);
    context.tally.did('LOGIN');
    client?.leave();
  });
}

/** Connections that come and go without a word. */
export async function churn(context: AttackContext): Promise<void> {
  let opened = 0;
  await inBusyLanes(64, context, async () => {
    opened += 1;
    if (opened > MOST_CHURN) return context.over;
    const socket = await openSocket(context.ports.tcp, context.tally);
    context.tally.did('connection');
    socket?.destroy();
  });
}

/** Without a pause in between. */
function inBusyLanes(count: number, context: AttackContext, body: () => Promise<void>): Promise<void> {
  return inLanes(count, context, async () => {
    while (!context.isOver()) await body();
  });
}
