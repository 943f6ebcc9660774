import { z } from 'zod';
import { runRecordSchema } from '../record/run.js';
import { didYouMean } from './near-match.js';
import type { Gate } from './scenario.js';
import { formatQuantity, parseQuantity, type QuantityKind, quote, UnitError } from './units.js';

/** What a metric of run.json is measured in. */
export type MetricUnit = 'milliseconds' | 'seconds' | 'bytes' | 'perSecond' | 'count';

/** A gate that cannot be evaluated; the message says what is wrong with it and what would be right. */
export class GateError extends Error {
  readonly code = 'C2M_GATE';
}

/** The parts of run.json that say something about the run, not about where or when it happened. */
const JUDGED_SECTIONS = [
  'connections',
  'messages',
  'refusals',
  'latency',
  'media',
  'phases',
  'generator',
  'backlog',
  'memory',
];

const LONGEST_GATE = 300;

const OPERATORS = ['<=', '>=', '==', '!=', '<', '>'] as const;

/**
 * Every metric that a gate may name, in the order of run.json. `<name>` and `<reason>` stand for a queue's name and
 * the reason of a failure: `backlog.queues.mailboxes.max`, `connections.failures.ECONNREFUSED`.
 */
export const GATE_METRICS: readonly string[] = ['durationSeconds', ...judgedPaths()];

/**
 * Reads a gate such as `latency.delivered.p99 < 250ms`.
 * @throws GateError
 */
export function parseGate(expression: string): Gate {
  if (expression.length > LONGEST_GATE) {
    throw new GateError(
      `${quote(expression)} is longer than any gate; ${LONGEST_GATE} characters are the most`,
    );
  }
  const match = /^\s*([^\s<>=!]+)\s*(<=|>=|==|!=|<|>|=<|=>|=)\s*(\S.*?)\s*$/.exec(expression);
  if (!match) {
    throw new GateError(
      `${quote(expression)} is not a gate; write a metric, an operator (${OPERATORS.join(' ')}) and a limit, such as messages.lost == 0`,
    );
  }
  const [, metric = '', operator = '', limit = ''] = match;
  if (!isMetric(metric)) {
    throw new GateError(
      `${metric} is not a metric of run.json${didYouMean(metric, GATE_METRICS, 4) || '; docs/scenario.md lists them'}`,
    );
  }
  const known = OPERATORS.find((each) => each === operator);
  if (!known) {
    throw new GateError(`${operator} is not an operator; write one of ${OPERATORS.join(' ')}`);
  }
  return { expression: expression.trim(), metric, operator: known, limit: parseLimit(metric, limit) };
}

/** The unit of a metric, by the naming of run.json. */
export function unitOfMetric(metric: string): MetricUnit {
  if (/Seconds$/.test(metric)) return 'seconds';
  if (/PerSecond$/.test(metric)) return 'perSecond';
  if (/bytes/i.test(metric)) return 'bytes';
  if (/(^|\.)latency\./.test(metric)) return metric.endsWith('.count') ? 'count' : 'milliseconds';
  if (/Ms(\.|$)/.test(metric)) return 'milliseconds';
  return 'count';
}

/** A metric's value with its unit, in the notation that gates are written in: `250ms`, `16KiB`, `2500/s`, `5000`. */
export function formatGateValue(metric: string, value: number): string {
  switch (unitOfMetric(metric)) {
    case 'milliseconds':
      return formatQuantity('duration', value);
    case 'seconds':
      return formatQuantity('duration', value * 1000);
    case 'bytes':
      return formatQuantity('size', value);
    case 'perSecond':
      return formatQuantity('rate', value);
    case 'count':
      return formatQuantity('count', value);
  }
}

function parseLimit(metric: string, text: string): number {
  const read = (kind: QuantityKind, likelyUnit?: string): number => {
    try {
      return parseQuantity(kind, text, likelyUnit);
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
      throw new GateError(`${metric} is compared with ${KIND_WORDS[kind]}, but ${error.message}`);
    }
  };
  switch (unitOfMetric(metric)) {
    case 'milliseconds':
      return read('duration', 'ms');
    case 'seconds':
      return read('duration') / 1000;
    case 'bytes':
      return read('size');
    case 'perSecond':
      return /^\d+(\.\d+)?$/.test(text) ? Number(text) : read('rate');
    case 'count':
      return read('count');
  }
}

const KIND_WORDS: Record<QuantityKind, string> = {
  duration: 'a duration',
  rate: 'a rate',
  size: 'a size',
  share: 'a share',
  count: 'a count',
};

function isMetric(metric: string): boolean {
  return GATE_METRICS.some((known) => {
    if (!known.includes('<')) return known === metric;
    const pattern = known.split(/<\w+>/).map((text) => text.replaceAll('.', '\\.'));
    return new RegExp(`^${pattern.join('[^.\\s]+')}$`).test(metric);
  });
}

interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  anyOf?: JsonSchema[];
}

function judgedPaths(): string[] {
  const schema = z.toJSONSchema(runRecordSchema, { io: 'input' }) as JsonSchema;
  return JUDGED_SECTIONS.flatMap((section) => numericPaths(schema.properties?.[section] ?? {}, section));
}

function numericPaths(schema: JsonSchema, path: string): string[] {
  if (schema.anyOf) return [...new Set(schema.anyOf.flatMap((option) => numericPaths(option, path)))];
  const types = [schema.type].flat();
  if (types.includes('number') || types.includes('integer')) return [path];
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([key, inner]) => numericPaths(inner, `${path}.${key}`));
  }
  // Elements of a list are addressed by name; a list whose elements have none (alerts) offers no metric.
  if (schema.items?.properties?.name) return numericPaths(schema.items, `${path}.<name>`);
  if (typeof schema.additionalProperties === 'object') {
    return numericPaths(schema.additionalProperties, `${path}.<reason>`);
  }
  return [];
}
