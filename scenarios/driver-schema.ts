import { z } from 'zod';
import { mqttSchema } from './drivers/mqtt-schema.js';
import { natsSchema } from './drivers/nats-schema.js';
import { isDriverFile, ownSchema } from './drivers/own-schema.js';
import { socketioSchema } from './drivers/socketio-schema.js';
import { webSocketDriverSchema } from './drivers/websocket-schema.js';
import { xmppSchema } from './drivers/xmpp-schema.js';

/** What clients speak, and what that protocol is told: `target.driver`. */
export interface DriverChoice {
  name: string;
  /** As the schema of the driver has made it. */
  settings: Record<string, unknown>;
}

const c2mSchema = z.strictObject({}, 'takes no settings');

/** A driver without settings is written as its name alone, or with nothing behind it. */
const BARE = { short: [{ type: 'null' }] };

/** One a driver, by its name. */
const DRIVER_SCHEMAS = {
  c2m: c2mSchema
    .optional()
    .meta({ ...BARE, description: 'The protocol of the reference server: docs/protocol.md.' }),
  mqtt: mqttSchema.optional().meta({ ...BARE, description: 'MQTT 3.1.1 and 5: docs/drivers.md.' }),
  nats: natsSchema.optional().meta({ ...BARE, description: 'NATS, its core or JetStream.' }),
  socketio: socketioSchema
    .optional()
    .meta({ ...BARE, description: 'Socket.IO 5 over Engine.IO 4, on WebSocket.' }),
  websocket: webSocketDriverSchema.optional().meta({
    description: 'Any protocol in WebSocket messages, by templates and matchers: docs/drivers.md.',
    mayBeNull: true,
  }),
  own: ownSchema.optional().meta({
    description: 'A driver of your own; `target.driver: ./my-driver.js` is short for its file alone.',
  }),
  xmpp: xmppSchema
    .optional()
    .meta({ ...BARE, description: 'XMPP (RFC 6120 and 6121), with receipts and stream management.' }),
};

export const DRIVER_NAMES = Object.keys(DRIVER_SCHEMAS);

/** `mqtt`, `{mqtt: {qos: 1}}`, or the file of one's own. */
export const driverSchema = z
  .preprocess(
    expandDriver,
    z
      .strictObject(DRIVER_SCHEMAS, `must be one of ${DRIVER_NAMES.join(', ')}`)
      .refine((drivers) => Object.values(drivers).filter((each) => each !== undefined).length === 1, {
        error: `must be exactly one of ${DRIVER_NAMES.join(', ')}`,
      }),
  )
  .transform((drivers): DriverChoice => {
    const [name, settings] = Object.entries(drivers).find(([, each]) => each !== undefined) ?? ['c2m', {}];
    return { name, settings: settings as Record<string, unknown> };
  });

/** A name is short for it with no settings of its own, and a path for the driver in that file. */
export function expandDriver(value: unknown): unknown {
  if (typeof value === 'string') return isDriverFile(value) ? { own: { file: value } } : { [value]: {} };
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, settings]) => [name, settings ?? {}]));
}
