import { z } from 'zod';

/** One value of an axis: what it is called, and what it sets, by the paths of `--set`. */
export interface AxisValue {
  name: string;
  set: Record<string, unknown>;
}

/** By axis. */
export type Matrix = AxisValue[][];

const scalar = z.union(
  [z.string(), z.number(), z.boolean()],
  'must be a number or a text, such as 1000 or 64B',
);

const named = z
  .record(
    z.string().regex(/^[\w .+-]{1,40}$/, 'must be names of letters, digits, dots and dashes'),
    z.record(z.string(), z.unknown(), 'must set something, such as {target.driver: mqtt}'),
    'must be a map of names to what each sets',
  )
  .refine((values) => Object.keys(values).length > 0, 'must have at least one value');

/** `clients.count: [1000, 5000]`, or under any other name a map of names to what each sets. */
export const matrixSchema = z
  .record(
    z.string(),
    z.union([z.array(scalar).min(1, 'must have at least one value'), named], {
      error: 'must be a list of values, or a map of names to what each sets',
    }),
    'must be a map of axes, such as {clients.count: [1000, 5000]}',
  )
  .transform(
    (axes): Matrix =>
      Object.entries(axes).map(([axis, values]) =>
        Array.isArray(values)
          ? values.map((value) => ({ name: `${lastOf(axis)} ${value}`, set: { [axis]: value } }))
          : Object.entries(values).map(([name, set]) => ({ name, set })),
      ),
  );

function lastOf(path: string): string {
  return path.split('.').at(-1) ?? path;
}
