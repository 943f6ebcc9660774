import { z } from 'zod';
import { quantity } from './quantity-schema.js';
import type { SizeDistribution } from './scenario.js';

/** What the ledger has in every payload: run, sender, sequence, due time, checksum. */
const SMALLEST_MESSAGE = 24;
const LARGEST_MESSAGE = 1024 ** 2;

const messageSize = { min: SMALLEST_MESSAGE, max: LARGEST_MESSAGE, words: 'from 24B to 1MiB' };

const lognormalSchema = z
  .strictObject({
    median: quantity('size', messageSize).meta({ description: 'Half of the messages are smaller.' }),
    sigma: z
      .number({ error: 'is the spread of the logarithm; write a number, such as 0.8' })
      .min(0, 'must be from 0 to 4')
      .max(4, 'must be from 0 to 4')
      .meta({ description: 'Spread of the logarithm; 0.8 puts one message in twenty past 3.7 medians.' }),
    max: quantity('size', messageSize).meta({ description: 'Larger draws are cut to this size.' }),
  })
  .refine(({ median, max }) => median <= max, { path: ['max'], error: 'must not be below the median' });

/** `messages.size`: one size, or a distribution to draw from. */
export const sizeSchema = z
  .preprocess(
    expandSize,
    z
      .strictObject({
        fixed: quantity('size', messageSize).optional().meta({ description: 'All messages alike.' }),
        uniform: z
          .tuple([quantity('size', messageSize), quantity('size', messageSize)], {
            error: 'must be the smallest and the largest size, such as [64B, 1KiB]',
          })
          .refine(([min, max]) => min <= max, 'must begin with the smaller size')
          .optional()
          .meta({
            shape: '[smallest size, largest size]',
            description: 'Any size between the two, equally likely.',
          }),
        lognormal: lognormalSchema
          .optional()
          .meta({ description: 'Many small messages and a long tail, as people write them.' }),
      })
      .refine((size) => Object.values(size).filter((part) => part !== undefined).length === 1, {
        error:
          'must be one of: a size, {uniform: [64B, 1KiB]}, {lognormal: {median: 200B, sigma: 0.8, max: 4KiB}}',
      }),
  )
  .transform(({ fixed, uniform, lognormal }): SizeDistribution => {
    if (uniform) return { kind: 'uniform', minBytes: uniform[0], maxBytes: uniform[1] };
    if (lognormal) {
      const { median, sigma, max } = lognormal;
      return { kind: 'lognormal', medianBytes: median, sigma, maxBytes: max };
    }
    return { kind: 'fixed', bytes: fixed ?? SMALLEST_MESSAGE };
  });

/** `100B` is short for a fixed size. */
export function expandSize(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? value : { fixed: value };
}
