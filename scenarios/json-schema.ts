import { z } from 'zod';
import { quantitySchema } from './json-schema-quantity.js';
import { scenarioSchema } from './schema.js';
import type { ZodNode } from './zod-node.js';

export type JsonSchema = Record<string, unknown>;

/**
 * The JSON Schema of a scenario file (draft-07), for editors that complete and explain its keys. It knows every key, every unit
 * and what is written in short; what keys say of each other is for `c2m validate`.
 */
export function scenarioJsonSchema(): JsonSchema {
  const root = z.toJSONSchema(scenarioSchema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  }) as ZodNode;
  const { schema, needs } = mapSchema(root);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A scenario of c2m',
    ...schema,
    // What a scenario that is based on another leaves out is in that one.
    if: { required: ['extends'] },
    ...(needs && { else: needs }),
  };
}

/** Any value may be a variable of the environment instead. */
const FROM_ENVIRONMENT = { type: 'string', pattern: '\\$\\{' };

interface Mapped {
  schema: JsonSchema;
  /** The keys that a map cannot do without, down to the lists; undefined: there are none. */
  needs: JsonSchema | undefined;
}

/** @param isInList it is replaced as a whole, so it has its required keys; of others they are told apart */
function mapSchema(node: ZodNode, isInList = false): Mapped {
  const properties: Record<string, JsonSchema> = {};
  const needsBelow: Record<string, JsonSchema> = {};
  for (const [key, inner] of Object.entries(node.properties ?? {})) {
    const { schema, needs } = inner.properties
      ? mapSchema(inner, isInList)
      : { schema: valueSchema(inner), needs: undefined };
    properties[key] = node.mayBeNull ? orNull(schema) : schema;
    if (needs) needsBelow[key] = needs;
  }
  const required = requiredKeys(node);
  const needs = {
    ...(required.length > 0 && { required }),
    ...(Object.keys(needsBelow).length > 0 && { properties: needsBelow }),
  };
  return {
    schema: withShort(node, {
      ...told(node),
      type: 'object',
      properties,
      ...(isInList && required.length > 0 && { required }),
      additionalProperties: false,
    }),
    needs: Object.keys(needs).length > 0 ? needs : undefined,
  };
}

/** Anything else: a list, a figure, a text; and maps in a list, which is replaced as a whole. */
function valueSchema(node: ZodNode): JsonSchema {
  if (node.quantity) return { ...told(node), ...quantitySchema(node.quantity, node) };
  if (node.properties) return mapSchema(node, true).schema;
  if (node.items !== undefined) {
    const items = Array.isArray(node.items) ? node.items.map(valueSchema) : valueSchema(node.items);
    const { minItems, maxItems } = node;
    return withShort(node, {
      ...told(node),
      type: 'array',
      items,
      ...(minItems !== undefined && { minItems }),
      ...(maxItems !== undefined && { maxItems }),
    });
  }
  if (node.anyOf) return withShort(node, { ...told(node), anyOf: node.anyOf.map(valueSchema) });
  const { type, enum: words, const: only, pattern, minimum, maximum, minLength, additionalProperties } = node;
  const plain: JsonSchema = {
    ...(type !== undefined && { type }),
    ...(words && { enum: words }),
    ...(only !== undefined && { const: only }),
    ...(pattern !== undefined && { pattern: `${pattern}|${FROM_ENVIRONMENT.pattern}` }),
    ...(isBound(minimum) && { minimum }),
    ...(isBound(maximum) && { maximum }),
    ...(minLength !== undefined && { minLength }),
    ...(typeof additionalProperties === 'object' && {
      additionalProperties: valueSchema(additionalProperties),
    }),
  };
  const isChecked = words || only !== undefined || (type && type !== 'string');
  if (!isChecked || type === 'object') return withShort(node, { ...told(node), ...plain });
  return withShort(node, { ...told(node), anyOf: [plain, FROM_ENVIRONMENT] });
}

/** What may be written in short stands first: it is what an editor offers. */
function withShort({ short = [], mayBeList = false }: ZodNode, schema: JsonSchema): JsonSchema {
  if (short.length === 0 && !mayBeList) return schema;
  const { words, rest } = split(schema);
  return { ...words, anyOf: [...short, rest, ...(mayBeList ? [{ type: 'array', items: rest }] : [])] };
}

function orNull(schema: JsonSchema): JsonSchema {
  const { words, rest } = split(schema);
  return { ...words, anyOf: [rest, { type: 'null' }] };
}

/** What is said of a value, whichever of several it is, and how it must be. */
function split({ description, default: value, ...rest }: JsonSchema): {
  words: JsonSchema;
  rest: JsonSchema;
} {
  return {
    words: {
      ...(description !== undefined && { description }),
      ...(value !== undefined && { default: value }),
    },
    rest,
  };
}

/** What an editor shows about a key. */
function told({ description = '', bounds, fallback, default: value }: ZodNode): JsonSchema {
  const isTold = value !== undefined && value !== '' && (typeof value !== 'object' || value === null);
  const otherwise = fallback ?? (isTold ? String(value) : undefined);
  const words = [
    description,
    ...(bounds ? [`It must be ${bounds.words}.`] : []),
    ...(otherwise === undefined ? [] : [`Default: ${otherwise}.`]),
  ].filter(Boolean);
  return {
    ...(words.length > 0 && { description: words.join(' ') }),
    ...(isTold && { default: value }),
  };
}

/** That a whole number is one that can be told from its neighbours is no bound. */
function isBound(value: number | undefined): boolean {
  return value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
}

function requiredKeys({ required = [], properties = {} }: ZodNode): string[] {
  return Object.entries(properties)
    .filter(([key, inner]) => inner.isRequired || (required.includes(key) && inner.default === undefined))
    .map(([key]) => key);
}
