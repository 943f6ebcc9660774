import { readFileSync } from 'node:fs';
import { cpuSeconds, privateBytes, processTree } from '../process-tree.js';

/** What a generator had used at one moment. */
export interface Sample {
  atMs: number;
  /** User and system, of all of its processes since they began. */
  cpuSeconds: number;
  privateBytes: number;
  /** Established connections of the server's port; all of them on loopback. */
  connections: number;
}

const EVERY_MS = 100;
/** Of /proc/net/tcp. */
const ESTABLISHED = '01';

/**
 * Looks at a process tree from outside, the same way for every tool.
 * `isGenerator` leaves out what is no part of it, such as a server that it has started.
 */
export class Watch {
  readonly samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(root: number, port: number, isGenerator: (pid: number) => boolean = () => true) {
    this.#timer = setInterval(() => {
      const own = processTree(root).filter(isGenerator);
      this.samples.push({
        atMs: performance.now(),
        cpuSeconds: sum(own.map(cpuSeconds)),
        privateBytes: sum(own.map(privateBytes)),
        connections: establishedConnections(port),
      });
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
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
