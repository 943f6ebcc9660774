import { readFileSync } from 'node:fs';
import { cpuSeconds, privateBytes, processTree } from '../process-tree.js';

/** What a generator had used at one moment. */
export interface Sample {
  atMs: number;
  /** User and system, of all of its processes since they began. */
  cpuSeconds: number;
  privateBytes: number;
  /** All clients have an established connection to the server's port, on loopback. */
  areConnected: boolean;
}

const EVERY_MS = 100;
/** Of /proc/net/tcp. */
const ESTABLISHED = '01';

export interface WatchOptions {
  /** Of the process and all that come from it. */
  root: number;
  port: number;
  clients: number;
  /** See `Tool.run`. */
  purpose: 'talk' | 'idle';
  /** Leaves out what is no part of the generator, such as a server that it has started. */
  isGenerator?: (pid: number) => boolean;
}

/** Looks at a process tree from outside, the same way for every tool. */
export class Watch {
  readonly samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor({ root, port, clients, purpose, isGenerator = () => true }: WatchOptions) {
    this.#timer = setInterval(() => {
      const own = processTree(root).filter(isGenerator);
      this.samples.push({
        atMs: performance.now(),
        cpuSeconds: sum(own.map(cpuSeconds)),
        privateBytes: sum(own.map(privateBytes)),
        areConnected:
          (purpose === 'talk' && this.samples.at(-1)?.areConnected === true) || areConnected(port, clients),
      });
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/**
 * A look at each socket of the machine takes a core for half a second where there are 30,000, and what is measured goes without that
 * core. So all are looked at only where there are enough of them, of a server and a client each, and while clients talk
 * never again.
 */
function areConnected(port: number, clients: number): boolean {
  return socketsInUse() >= 2 * clients && establishedConnections(port) >= clients;
}

/** Of TCP, whatever their state. */
function socketsInUse(): number {
  return Number(/^TCP: inuse (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'latin1'))?.[1] ?? Number.NaN);
}

function establishedConnections(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let count = 0;
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const [, address, , state] = line.trim().split(/ +/, 4);
    if (state === ESTABLISHED && address?.endsWith(local)) count += 1;
  }
  return count;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
