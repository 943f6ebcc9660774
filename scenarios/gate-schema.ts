import { z } from 'zod';
import { abortProblem } from '../record/abort.js';
import { type Gate, GateError, parseGate } from '../record/gate.js';
import { quantity } from './quantity-schema.js';

const NO_CONDITION = 'must be a condition in quotes, such as "messages.lost == 0"';

const conditionSchema = z.string(NO_CONDITION).transform((text, context): Gate => {
  try {
    return parseGate(text);
  } catch (error) {
    if (!(error instanceof GateError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

/** A gate with what is done when it breaks. */
const entrySchema = z
  .strictObject({
    gate: conditionSchema.meta({
      description: 'The condition.',
      shape: 'text',
      isRequired: true,
    }),
    abortOnFail: z.boolean('must be true or false').prefault(false).meta({
      description:
        'End the run as soon as it is broken: what was measured is kept, the verdict is `failed`, the exit status 99.',
    }),
    for: quantity('duration').optional().meta({
      description:
        'With `abortOnFail`: only once it has been broken for so long without a break. A figure that can recover, such as a percentile, needs it.',
      fallback: '0s',
    }),
  })
  .superRefine(({ gate, abortOnFail, for: forMs }, context) => {
    const refuse = (key: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [key], message });
    };
    if (!abortOnFail) {
      if (forMs !== undefined) refuse('for', 'says nothing without abortOnFail: true');
      return;
    }
    const problem = abortProblem(gate, forMs);
    if (problem) refuse(problem.key, problem.message);
  })
  .transform(
    ({ gate, abortOnFail, for: forMs = 0 }): Gate => (abortOnFail ? { ...gate, abort: { forMs } } : gate),
  );

/** `messages.lost == 0`, or `{gate: messages.duplicated == 0, abortOnFail: true}`. */
export const gateSchema = z
  .unknown()
  .transform((value, context): Gate => {
    const { data, error } = (
      typeof value === 'object' && value !== null ? entrySchema : conditionSchema
    ).safeParse(value);
    for (const issue of error?.issues ?? []) context.issues.push({ ...issue, input: value } as never);
    return data ?? z.NEVER;
  })
  .meta({
    short: [{ type: 'string' }],
    // Told to the reference and to those who look for the keys that are known here.
    properties: z.toJSONSchema(entrySchema, { io: 'input', unrepresentable: 'any' }).properties,
  });

/** The condition of a gate as YAML holds it; of what is none, nothing that could be one. */
export function conditionOf(gate: unknown): string {
  if (typeof gate === 'object' && gate !== null && 'gate' in gate) return String(gate.gate).trimStart();
  return typeof gate === 'string' ? gate.trimStart() : '';
}
