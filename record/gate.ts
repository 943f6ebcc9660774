import { METRICS, metricAt, unitAt } from './metrics.js';
import { didYouMean } from './near-match.js';
import { parseQuantity, type QuantityKind, quote, UnitError } from './quantity.js';

/** A condition on one figure of run.json, such as `latency.delivered.p99 < 250ms`. */
export interface Gate {
  /** As written. */
  expression: string;
  /** Path in run.json. */
  metric: string;
  operator: '<' | '<=' | '>' | '>=' | '==' | '!=';
  /** In the metric's own unit: milliseconds, bytes, a count. Not a number as long as a base line has yet to tell. */
  limit: number;
  /** Of `baseline * 1.1`; undefined: the limit is a quantity. */
  baselineFactor?: number;
  /** It ends the run once it has been broken for so long; undefined: it is judged at the end. */
  abort?: { forMs: number };
}

/** A gate that cannot be evaluated; the message says what is wrong with it and what would be right. */
export class GateError extends Error {
  readonly code = 'C2M_GATE';
}

const LONGEST_GATE = 300;

const OPERATORS = ['<=', '>=', '==', '!=', '<', '>'] as const;

const METRIC_PATHS = METRICS.map(({ path }) => path);

/**
 * Reads a gate such as `latency.delivered.p99 < 250ms`, or `latency.delivered.p99 <= baseline * 1.1`.
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
  if (!metricAt(metric)) {
    throw new GateError(
      `${metric} is not a metric of run.json${didYouMean(metric, METRIC_PATHS, 4) || '; docs/scenario.md lists them'}`,
    );
  }
  const known = OPERATORS.find((each) => each === operator);
  if (!known) {
    throw new GateError(`${operator} is not an operator; write one of ${OPERATORS.join(' ')}`);
  }
  const gate = { expression: expression.trim(), metric, operator: known };
  if (!/^baseline\b/.test(limit)) return { ...gate, limit: parseLimit(metric, limit) };
  const [isBaseline, factor = '1'] = /^baseline(?:\s*\*\s*(\d+(?:\.\d+)?))?$/.exec(limit) ?? [];
  if (isBaseline !== undefined) return { ...gate, limit: Number.NaN, baselineFactor: Number(factor) };
  throw new GateError(`${quote(limit)} is no base line; write baseline, or baseline * 1.1`);
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
  switch (unitAt(metric)) {
    case 'ms':
      return read('duration', 'ms');
    case 'us':
      // Read in milliseconds; 29us are 28.999999999999996 of their thousandths.
      return Math.round(read('duration', 'us') * 1e9) / 1e6;
    case 'seconds':
      return read('duration') / 1000;
    case 'bytes':
      return read('size');
    case 'perSecond':
      return /^\d+(\.\d+)?$/.test(text) ? Number(text) : read('rate');
    case 'ratio':
      return read('share');
    case 'cores':
      return Number.isNaN(Number(text)) ? read('count') : Number(text);
    case 'count':
      return read('count');
    case 'number':
      if (Number.isFinite(Number(text))) return Number(text);
      throw new GateError(
        `${metric} is compared with a number, but ${quote(text)} is none; write one, such as 0.5`,
      );
  }
}

const KIND_WORDS: Record<QuantityKind, string> = {
  duration: 'a duration',
  rate: 'a rate',
  size: 'a size',
  share: 'a share',
  count: 'a count',
};
