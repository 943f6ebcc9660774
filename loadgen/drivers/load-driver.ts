import type { WireProtocol } from '../../scenarios/scenario.js';
import { RunError } from '../run-error.js';
import type { Driver } from './driver.js';

/** Loaded where they are used, with the libraries that they need. */
const DRIVERS: Record<string, (settings: unknown) => Promise<Driver>> = {
  c2m: async () => forAnySettings((await import('./c2m/c2m-driver.js')).driver),
  mqtt: async () => forAnySettings((await import('./mqtt/mqtt-driver.js')).driver),
  nats: async () => forAnySettings((await import('./nats/nats-driver.js')).driver),
  socketio: async () => forAnySettings((await import('./socketio/socketio-driver.js')).driver),
  websocket: async () => forAnySettings((await import('./websocket/websocket-driver.js')).driver),
  own: async (settings) => (await import('./own/load-own-driver.js')).loadOwnDriver(settings),
  xmpp: async () => forAnySettings((await import('./xmpp/xmpp-driver.js')).driver),
};

export const DRIVER_NAMES: readonly string[] = Object.keys(DRIVERS);

/** What is not carried by all protocols, known without its library. */
const CARRIERS: Record<string, readonly WireProtocol[]> = {
  socketio: ['ws', 'wss'],
  websocket: ['ws', 'wss'],
  xmpp: ['tcp', 'tls'],
};

/** Drivers that ship with the lab and that this protocol carries. */
export function driversOver(protocol: WireProtocol): string[] {
  return DRIVER_NAMES.filter((name) => name !== 'own' && (CARRIERS[name]?.includes(protocol) ?? true));
}

/**
 * @param settings of the plan: they say where a driver of somebody's own lies
 * @throws RunError `C2M_INPUT`
 */
export async function loadDriver(name: string, settings?: unknown): Promise<Driver> {
  const load = DRIVERS[name];
  if (load) return load(settings);
  throw new RunError('C2M_INPUT', `target.driver: ${name} is none; write one of ${DRIVER_NAMES.join(', ')}`);
}

/** A driver is only given settings that its own schema has made. */
function forAnySettings<Settings>(driver: Driver<Settings>): Driver {
  return driver as unknown as Driver;
}
