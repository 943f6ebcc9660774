import { z } from 'zod';
import { parseQuantity, QUANTITIES, type QuantityKind, quote, UnitError } from '../record/quantity.js';

export interface Bounds {
  min?: number;
  max?: number;
  /** How the bound reads: `at least 2`. */
  words: string;
}

/** A figure with its unit; the value is in the kind's own unit. */
export function quantity(kind: QuantityKind, bounds?: Bounds) {
  return z
    .any()
    .transform((value: unknown, context): number => {
      const refuse = (message: string): never => {
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      };
      if (value === undefined || value === null) return refuse(`is missing; ${QUANTITIES[kind].hint}`);
      try {
        const number = parseQuantity(kind, value);
        const { min = 0, max = Number.POSITIVE_INFINITY, words = '' } = bounds ?? {};
        return number < min || number > max ? refuse(`${quote(value)} must be ${words}`) : number;
      } catch (error) {
        if (error instanceof UnitError) return refuse(error.message);
        throw error;
      }
    })
    .meta({ quantity: kind, ...(bounds && { bounds }) });
}
