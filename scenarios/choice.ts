import { z } from 'zod';
import { didYouMean } from '../record/near-match.js';
import { QUANTITIES, quote } from '../record/quantity.js';

/** One of a few words; the message lists them. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, {
    error: ({ input }) => {
      const list = words.length === 1 ? words[0] : `one of ${words.join(', ')}`;
      if (input === undefined) return `is missing; write ${list}`;
      return `${quote(input)} is not ${list}${typeof input === 'string' ? didYouMean(input, words) : ''}`;
    },
  });
}

/** `auto`, or a whole number from 1 to `max`. */
export function wholeOrAuto(max: number) {
  return z
    .union([z.literal('auto'), z.number().int().min(1).max(max)], {
      error: ({ input }) => `${quote(input)} must be auto or a whole number from 1 to ${max}`,
    })
    .prefault('auto')
    .meta({ shape: `\`auto\` or ${QUANTITIES.count.base}` });
}
