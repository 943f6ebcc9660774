import type { ClientEvents, ClientRange, Output } from '../loadgen/drivers/driver.js';
import type {
  AdapterClient,
  AdapterConnection,
  AdapterDriver,
  AdapterMessage,
} from '../loadgen/drivers/own/adapter.js';
import type {
  Carrier,
  CodecClients,
  CodecDriver,
  CodecFraming,
  ProtocolPromises,
} from '../loadgen/drivers/own/codec.js';

export type {
  AdapterClient,
  AdapterConnection,
  AdapterDriver,
  AdapterMessage,
  Carrier,
  ClientEvents,
  ClientRange,
  CodecClients,
  CodecDriver,
  CodecFraming,
  Output,
  ProtocolPromises,
};

/**
 * A driver of your own, in a file that a scenario names (`target.driver: ./my-driver.js`): a codec, which turns what
 * clients intend into bytes and bytes into what happened, or an adapter around a client library. It returns what it is
 * given, and gives it its types; the file has it as its default export, or exports it as `driver`.
 *
 * @example
 * ```js
 * import { defineDriver } from 'c2m';
 *
 * export default defineDriver({
 *   name: 'lines',
 *   promises: { accepted: true },
 *   create: (_settings, { firstUser }, events) => ({
 *     opened: (client, out) => out.writeText(`LOGIN ${firstUser + client}\n`),
 *     received: (client, bytes) => { … },
 *     writeMessage: (client, to, sequence, payload, out) => { … },
 *   }),
 * });
 * ```
 *
 * @param driver - `docs/drivers.md` tells what it has to do
 */
export function defineDriver<Settings = unknown>(driver: CodecDriver<Settings>): CodecDriver<Settings>;
/** The same for an adapter. */
export function defineDriver(driver: AdapterDriver): AdapterDriver;
export function defineDriver<Driver extends CodecDriver | AdapterDriver>(driver: Driver): Driver {
  return driver;
}
