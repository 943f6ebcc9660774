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

const list = z
  .array(scalar, 'must be a list of values, or a map of names to what each sets')
  .min(1, 'must have at least one value');

const named = z
  .record(
    z.string().regex(/^[a-z0-9][\w .+-]{0,39}$/i),
    z.record(z.string(), z.unknown(), 'must set something, such as {target.driver: mqtt}'),
    {
      error: ({ code }) =>
        code === 'invalid_key'
          ? 'must be a name that begins with a letter or a digit'
          : 'must be a map of names to what each sets',
    },
  )
  .refine((values) => Object.keys(values).length > 0, 'must have at least one value');

/** `clients.count: [1000, 5000]`, or under any other name a map of names to what each sets. */
export const matrixSchema = z
  .record(
    z.string(),
    z.unknown().transform((values, context): z.output<typeof list> | z.output<typeof named> => {
      const isMap = typeof values === 'object' && values !== null && !Array.isArray(values);
      const { data, error } = (isMap ? named : list).safeParse(values);
      // What is wrong with one of the two is not hidden behind what is wrong with the other.
      for (const { path, message } of error?.issues ?? [])
        context.addIssue({ code: 'custom', path: [...path], message });
      return data ?? [];
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
