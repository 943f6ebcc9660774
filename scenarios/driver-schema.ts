import { z } from 'zod';
import { xmppSchema } from './drivers/xmpp-schema.js';

/** What clients speak, and what that protocol is told: `target.driver`. */
export interface DriverChoice {
  name: string;
  /** As the schema of the driver has made it. */
  settings: Record<string, unknown>;
}

const c2mSchema = z.strictObject({}, 'takes no settings');

/** One a driver, by its name. */
const DRIVER_SCHEMAS = {
  c2m: c2mSchema.optional().meta({ description: 'The protocol of the reference server: docs/protocol.md.' }),
  xmpp: xmppSchema
    .optional()
    .meta({ description: 'XMPP (RFC 6120 and 6121), with receipts and stream management.' }),
};

export const DRIVER_NAMES = Object.keys(DRIVER_SCHEMAS);

/** `mqtt`, or `{mqtt: {qos: 1}}`. */
export const driverSchema = z
  .preprocess(
    expandDriver,
    z
      .strictObject(DRIVER_SCHEMAS, `must be one of ${DRIVER_NAMES.join(', ')}`)
      .refine((drivers) => Object.values(drivers).filter((each) => each !== undefined).length === 1, {
        error: `must be one of ${DRIVER_NAMES.join(', ')}`,
      }),
  )
  .transform((drivers): DriverChoice => {
    const [name, settings] = Object.entries(drivers).find(([, each]) => each !== undefined) ?? ['c2m', {}];
    return { name, settings: settings as Record<string, unknown> };
  });

/** A name is short for it with no settings of its own. */
function expandDriver(value: unknown): unknown {
  if (typeof value === 'string') return { [value]: {} };
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, settings]) => [name, settings ?? {}]));
}
