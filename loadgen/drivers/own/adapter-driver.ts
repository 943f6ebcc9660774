import { basename } from 'node:path';
import type { Driver } from '../driver.js';
import type { AdapterDriver } from './adapter.js';
import { AdapterClients } from './adapter-clients.js';
import { AdapterTransport } from './adapter-transport.js';
import { completeCarriers } from './own-carriers.js';
import { completePromises } from './own-promises.js';

/**
 * @param given what the file exports
 * @param file absolute; without another name reports call it by this one
 * @throws Error saying what is wrong with it
 */
export function adapterDriver(given: Record<string, unknown>, file: string, told: unknown): Driver {
  const { connect, name = basename(file).replace(/\.[cm]?js$/, ''), promises: promised = {} } = given;
  if (typeof connect !== 'function') throw new Error('connect must be a function');
  if (typeof name !== 'string') throw new Error('name must be text');
  const carriers = completeCarriers(given.carriers, 'carriers');
  const promises = completePromises(typeof promised === 'function' ? promised(told) : promised);
  return {
    name,
    promises: () => promises,
    framing: () => ({ carriers, webSocketMessages: 'stream', subprotocols: [] }),
    create: (_settings, _clients, events) => new AdapterClients(events),
    transport: (_settings, plan, listener) =>
      new AdapterTransport(
        { connect: connect as AdapterDriver['connect'], file, promises, settings: told },
        plan,
        listener,
      ),
  };
}
