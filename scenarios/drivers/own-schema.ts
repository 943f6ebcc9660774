import { z } from 'zod';

/** A file of JavaScript, and what is handed to what it exports. */
export const ownSchema = z.strictObject(
  {
    file: z
      .string('must be the path of a file, such as ./my-driver.js')
      .regex(/\.[cm]?js$/, 'must be a file of JavaScript, such as ./my-driver.js')
      .meta({
        description:
          'A file that exports `driver`, a codec, or `connect`, an adapter around a client library: docs/drivers.md. A path from the scenario’s folder; `c2m run` loads it only with `--trust`.',
        isRequired: true,
      }),
    settings: z
      .record(z.string(), z.unknown(), 'must be a map of what the driver is told')
      .prefault({})
      .meta({ description: 'What the driver is told, as it says itself.', shape: 'map' }),
  },
  'must be {file: ./my-driver.js}, and settings if it takes any',
);

export type OwnSettings = z.infer<typeof ownSchema>;

/** Whether this is the path of a driver, and not the name of one. */
export function isDriverFile(name: string): boolean {
  return /[/\\]|\.[cm]?[jt]s$/.test(name);
}
