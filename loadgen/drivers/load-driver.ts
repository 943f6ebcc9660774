import { RunError } from '../run-error.js';
import type { Driver } from './driver.js';

/** Loaded where they are used, with the libraries that they need. */
const DRIVERS: Record<string, () => Promise<Driver>> = {
  c2m: async () => forAnySettings((await import('./c2m/c2m-driver.js')).driver),
  xmpp: async () => forAnySettings((await import('./xmpp/xmpp-driver.js')).driver),
};

/** @throws RunError `C2M_INPUT` */
export async function loadDriver(name: string): Promise<Driver> {
  const load = DRIVERS[name];
  if (load) return load();
  throw new RunError(
    'C2M_INPUT',
    `target.driver: ${name} is none; write one of ${Object.keys(DRIVERS).join(', ')}`,
  );
}

/** A driver is only given settings that its own schema has made. */
function forAnySettings<Settings>(driver: Driver<Settings>): Driver {
  return driver as unknown as Driver;
}
