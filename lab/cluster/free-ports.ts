import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below those that the kernel gives to outgoing connections (32,768 on), of which a run has thousands: a server that is killed
 * finds its port free when it is started again.
 */
const FIRST_PORT = 10_000;
const PORTS = 20_000;
const MOST_TRIES = 1000;

/** So many ports of loopback at which nobody listens, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries >= MOST_TRIES) throw new Error(`no ${count} free ports were found on 127.0.0.1`);
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0] as number;
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer();
  try {
    await once(listener.listen(port, '127.0.0.1'), 'listening');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  } finally {
    listener.close();
  }
}
