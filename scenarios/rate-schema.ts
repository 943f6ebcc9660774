import { z } from 'zod';
import { parseQuantity, QUANTITIES, quote, UnitError } from '../record/quantity.js';

/** Messages a second, or from one rate evenly to another. */
export interface RateOrRamp {
  from: number;
  /** Undefined: it stays the same. */
  to: number | undefined;
}

const RAMP = /^([^.]*(?:\.\d[^.]*)?)\.\.(.*)$/;

/** `500/s`, or a ramp: `1000/s..50000/s`. */
export function rateOrRamp() {
  return z
    .any()
    .transform((value: unknown, context): RateOrRamp => {
      try {
        if (value === undefined || value === null) throw new UnitError(`is missing; ${QUANTITIES.rate.hint}`);
        const [, from, to] = (typeof value === 'string' && RAMP.exec(value)) || [];
        if (from === undefined || to === undefined)
          return { from: parseQuantity('rate', value), to: undefined };
        if (from.trim() === '' || to.trim() === '')
          throw new UnitError(`${quote(value)} is no ramp; write two rates, such as 1000/s..50000/s`);
        return { from: parseQuantity('rate', from.trim()), to: parseQuantity('rate', to.trim()) };
      } catch (error) {
        if (!(error instanceof UnitError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .meta({ quantity: 'rate', isRamp: true, shape: 'rate, or a ramp such as `1000/s..50000/s`' });
}
