import { readFileSync } from 'node:fs';
import { readMtu } from './interface-request.js';

const ANYWHERE = '00000000';

/**
 * Bytes of the largest packet that the default route of this process's network namespace takes; undefined where there is
 * none, since the server is in the namespace itself.
 */
export function readWayOutMtu(): number | undefined {
  const device = readFileSync('/proc/net/route', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, destination, , , , , , mask]) => destination === ANYWHERE && mask === ANYWHERE)?.[0];
  return device === undefined ? undefined : readMtu(device);
}
