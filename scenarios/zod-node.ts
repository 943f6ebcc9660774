import type { QuantityKind } from '../record/quantity.js';
import type { Bounds } from './quantity-schema.js';

/** What zod makes of a key for a JSON Schema, with what `.meta()` says of it in scenarios/*-schema.ts. */
export interface ZodNode {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, ZodNode>;
  additionalProperties?: ZodNode | boolean;
  required?: string[];
  items?: ZodNode | ZodNode[];
  anyOf?: ZodNode[];
  default?: unknown;
  description?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  minItems?: number;
  maxItems?: number;
  /** A figure with a unit. */
  quantity?: QuantityKind;
  bounds?: Bounds;
  /** Two rates with dots between them are one as well. */
  isRamp?: boolean;
  /** How a value looks, for the reference. */
  shape?: string;
  /** What is meant where it is left out, for the reference. */
  fallback?: string;
  isRequired?: boolean;
  /** A list of such values may stand there as well. */
  mayBeList?: boolean;
  /** Of a map: any of its keys may be null, which takes it away. */
  mayBeNull?: boolean;
  /** JSON Schemas of what may stand there in short. */
  short?: Record<string, unknown>[];
}
