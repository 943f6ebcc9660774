import { z } from 'zod';
import { quote } from '../../record/quantity.js';
import { captureSchema } from './websocket-capture-schema.js';
import { groupsOf, patternProblem } from './websocket-pattern.js';
import {
  type Expected,
  FIELDS,
  type Field,
  type MatcherSettings,
  MEANINGS,
  type Meaning,
  type MeaningSettings,
  type Scalar,
} from './websocket-settings.js';
import { messagePaths, templateProblem } from './websocket-template.js';

const ANSWER_VARIABLES = ['user', 'client', 'run', 'token', 'session', 'message'];

const path = (description: string) =>
  z
    .string('must be a path, such as data.body')
    .min(1, 'must not be empty')
    .optional()
    .meta({ description, shape: 'path' });

const expectedSchema = z.any().transform((value: unknown, context): Expected => {
  if (isScalar(value)) return [value];
  if (Array.isArray(value) && value.length > 0 && value.every(isScalar)) return value;
  if (typeof value === 'object' && value !== null && Object.keys(value).join() === 'exists') {
    const { exists } = value as { exists: unknown };
    if (typeof exists === 'boolean') return { exists };
  }
  context.addIssue({
    code: 'custom',
    message: `${quote(value)} must be a value, a list of values, or {exists: true}`,
  });
  return z.NEVER;
});

const recognition = {
  json: z
    .record(z.string(), expectedSchema, 'must be a map of paths to values, such as {type: message}')
    .refine((conditions) => Object.keys(conditions).length > 0, 'must have at least one path')
    .optional()
    .meta({
      description:
        'The message is JSON, and at each of these paths (`data.items.0`) stands this value, one of a list of values, or anything or nothing: `{exists: true}`, where null is nothing.',
      shape: 'map of paths to values',
    }),
  text: z
    .string('must be a regular expression')
    .superRefine((source, context) => {
      const problem = patternProblem(source);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .optional()
    .meta({
      description:
        'Or a regular expression fits its text (of binary messages, one character a byte); what it is to tell has named groups: `^ACK (?<sequence>\\d+)$`.',
      shape: 'regular expression',
    }),
  capture: captureSchema,
};

const row = {
  ...recognition,
  answer: z
    .string('must be a template')
    .superRefine((template, context) => {
      const problem = templateProblem(template, ANSWER_VARIABLES);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .optional()
    .meta({
      description: 'What the client answers; `{{message.<path>}}` is of the message, or a named group.',
      shape: 'template',
    }),
};

const sequencePath = path('Where the `{{sequence}}` of the message stands that it is about.');
const reasonPath = path('Where the reason stands that it is counted under.');

const rowSchemas = {
  delivered: z
    .strictObject({
      ...row,
      payload: path('Where the Base64 of the payload stands.'),
      redelivery: path('Where `true` stands in what may be a repetition.'),
    })
    .meta({ description: 'A message has come for the client.' }),
  accepted: z
    .strictObject({ ...row, sequence: sequencePath })
    .meta({ description: 'The server has taken a message of the client.' }),
  receipted: z
    .strictObject({
      ...row,
      sequence: sequencePath,
      by: path('Where the user stands who has it: the digits at the end; without it, the partner.'),
    })
    .meta({ description: 'Somebody has got, or read, a message of the client.' }),
  refused: z.strictObject({ ...row, sequence: sequencePath, reason: reasonPath }).meta({
    description:
      'The server has not taken a message of the client, or something else; before it is logged in, the login.',
  }),
  ping: z.strictObject(row).meta({ description: 'A sign of life, with what it wants for an answer.' }),
  session: z.strictObject(row).meta({
    description: 'Nothing but what it captures, such as a token that takes the place of the last one.',
  }),
  ended: z
    .strictObject({ ...row, reason: reasonPath })
    .meta({ description: 'The server is about to end the connection.' }),
};

const tableSchema = z.strictObject(
  Object.fromEntries(
    MEANINGS.map((means) => [
      means,
      rowSchemas[means].optional().meta({ ...rowSchemas[means].meta(), mayBeList: true }),
    ]),
  ) as {
    [M in Meaning]: z.ZodOptional<(typeof rowSchemas)[M]>;
  },
);

/** What a matcher cannot do without. */
const NEEDED: Partial<Record<Meaning, { fields: readonly Field[]; question: string }>> = {
  delivered: {
    fields: ['payload', 'bytes'],
    question: 'where is the Base64 of the payload, such as payload: body?',
  },
  accepted: { fields: ['sequence'], question: 'which message is it about, such as sequence: id?' },
  receipted: { fields: ['sequence'], question: 'which message is it about, such as sequence: id?' },
};

/** What messages mean, in the order in which it is written: the first that fits decides. */
export const matchSchema = z
  .any()
  .transform((value: unknown, context): MeaningSettings[] => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      context.addIssue({
        code: 'custom',
        message:
          'must be a map of meanings to matchers, such as {delivered: {json: {type: message}, payload: body}}',
      });
      return z.NEVER;
    }
    const rows = Object.entries(value).flatMap(([means, one]): MeaningSettings[] => {
      if (!isMeaning(means)) {
        context.issues.push({ code: 'unrecognized_keys', keys: [means], path: [], input: { ...value } });
        return [];
      }
      const many = Array.isArray(one) ? one : [one];
      return many.flatMap((each: unknown, index): MeaningSettings[] => {
        const at = Array.isArray(one) ? [means, index] : [means];
        return readRow(means, each, (issue) => {
          context.issues.push({ ...issue, path: [...at, ...(issue.path ?? [])], input: each } as never);
        });
      });
    });
    return rows;
  })
  .meta({
    mayBeNull: true,
    // Told to the reference and to those who look for the keys that are known here.
    properties: z.toJSONSchema(tableSchema, { io: 'input', unrepresentable: 'any' }).properties,
  });

/** How a message is recognized that a login waits for. */
export const matcherSchema = z
  .strictObject(recognition, 'must be a matcher, such as {json: {type: welcome}}')
  .transform((matcher, context): MatcherSettings => {
    const made = recognized(matcher);
    const problem = made ? captureProblem(made) : { message: EITHER, path: [] };
    if (made && !problem) return made;
    context.addIssue({ code: 'custom', ...problem });
    return z.NEVER;
  });

type Tell = (issue: { code: string; message: string; path?: PropertyKey[] }) => void;

const EITHER = 'must have either json or text';

function readRow(means: Meaning, value: unknown, tell: Tell): MeaningSettings[] {
  const parsed = rowSchemas[means].safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) tell(issue as never);
    // It stands for the row: what is wrong with it is told, and not that it is missing.
    return [{ means, kind: 'text', text: '', capture: {}, fields: {}, answer: [] }];
  }
  const { answer, ...written } = parsed.data;
  const matcher = recognized(written);
  const refuse = (message: string, ...at: string[]): MeaningSettings[] => {
    tell({ code: 'custom', message, path: at });
    return [];
  };
  if (!matcher) return refuse(EITHER);
  const fields: Partial<Record<Field, string>> = {};
  const groups = matcher.kind === 'text' ? groupsOf(matcher.text) : [];
  for (const field of FIELDS) {
    const at = (written as Partial<Record<Field, string>>)[field];
    if (at !== undefined && matcher.kind === 'text')
      return refuse(`is a named group of text: (?<${field}>…)`, field);
    if (at !== undefined) fields[field] = at;
    else if (groups.includes(field)) fields[field] = field;
  }
  const problem = captureProblem(matcher);
  if (problem) return refuse(problem.message, ...problem.path);
  if (means === 'session' && written.capture === undefined)
    return refuse('is missing; what is it to keep, such as capture: {token: token}?', 'capture');
  const needed = NEEDED[means];
  if (needed && !needed.fields.some((field) => fields[field] !== undefined)) {
    const [field = 'payload'] = needed.fields;
    return matcher.kind === 'json'
      ? refuse(`is missing; ${needed.question}`, field)
      : refuse(`has no group for it: (?<${field}>…)`, 'text');
  }
  const unknown = messagePaths(answer ?? '').find(
    (each) => matcher.kind === 'text' && !groups.includes(each),
  );
  if (unknown !== undefined) return refuse(`{{message.${unknown}}} is no named group of text`, 'answer');
  return [{ ...matcher, means, fields, answer: answer === undefined ? [] : [answer] }];
}

function recognized({
  json,
  text,
  capture = {},
}: {
  json?: Record<string, Expected> | undefined;
  text?: string | undefined;
  capture?: Record<string, string> | undefined;
}): MatcherSettings | undefined {
  if ((json === undefined) === (text === undefined)) return undefined;
  return json === undefined
    ? { kind: 'text', text: text as string, capture }
    : { kind: 'json', json, capture };
}

function captureProblem(matcher: MatcherSettings): { message: string; path: string[] } | undefined {
  if (matcher.kind === 'json') return undefined;
  const groups = groupsOf(matcher.text);
  for (const [name, group] of Object.entries(matcher.capture))
    if (!groups.includes(group))
      return { message: `"${group}" is no named group of text: (?<${group}>…)`, path: ['capture', name] };
  return undefined;
}

function isMeaning(word: string): word is Meaning {
  return (MEANINGS as readonly string[]).includes(word);
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
