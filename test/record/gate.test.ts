import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { withBaseline } from '../../record/baseline.js';
import { GateError, parseGate } from '../../record/gate.js';
import { METRICS, metricAt, type Unit, unitAt } from '../../record/metrics.js';
import { formatQuantity } from '../../record/quantity.js';
import { rejudge } from '../../record/rejudge.js';
import { type RunRecord, runRecordSchema } from '../../record/run.js';
import { judge } from '../../record/verdict.js';
import { recordFixture } from '../fixtures/record.js';

describe('a gate is a metric, an operator and a limit in the unit of the metric', () => {
  test.each([
    ['latency.delivered.p99 < 250ms', 'latency.delivered.p99', '<', 250],
    ['latency.connect.max<=2s', 'latency.connect.max', '<=', 2000],
    ['generator.lagMs.p99 < 50ms', 'generator.lagMs.p99', '<', 50],
    ['memory.bytesPerConnection.total < 16KiB', 'memory.bytesPerConnection.total', '<', 16_384],
    ['connections.peak >= 5000', 'connections.peak', '>=', 5000],
    ['connections.peak >= 5_000', 'connections.peak', '>=', 5000],
    ['connections.connectsPerSecond > 2000', 'connections.connectsPerSecond', '>', 2000],
    ['connections.connectsPerSecond > 2000/s', 'connections.connectsPerSecond', '>', 2000],
    ['durationSeconds < 1m30s', 'durationSeconds', '<', 90],
    ['messages.lost == 0', 'messages.lost', '==', 0],
    ['messages.sent != 0', 'messages.sent', '!=', 0],
    ['latency.delivered.count > 100', 'latency.delivered.count', '>', 100],
    ['backlog.queues.bus-ingress#1.max < 100', 'backlog.queues.bus-ingress#1.max', '<', 100],
    ['connections.failures.ECONNREFUSED == 0', 'connections.failures.ECONNREFUSED', '==', 0],
  ])('%s', (expression, metric, operator, limit) => {
    expect(parseGate(expression)).toEqual({ expression, metric, operator, limit });
  });
});

describe('a gate against a base line', () => {
  test.each([
    ['latency.delivered.p99 <= baseline * 1.1', 1.1],
    ['latency.delivered.p99<=baseline*0.5', 0.5],
    ['messages.delivered >= baseline', 1],
  ])('%s', (expression, baselineFactor) => {
    expect(parseGate(expression)).toMatchObject({ expression, baselineFactor, limit: Number.NaN });
  });

  test('that multiplies by nothing is told with what would be right', () => {
    expect(() => parseGate('latency.delivered.p99 < baseline + 5ms')).toThrow(
      new GateError('"baseline + 5ms" is no base line; write baseline, or baseline * 1.1'),
    );
  });

  test('has the median of its runs as a limit, and keeps it for whoever judges the record again', () => {
    const runs = [100, 400, 200].map(
      (p99) =>
        recordFixture((record) => {
          record.latency.delivered.p99 = p99;
        }).record,
    );
    const [gate] = withBaseline([parseGate('latency.delivered.p99 <= baseline * 1.1')], runs);
    expect(gate?.limit).toBeCloseTo(220);
    const { gates: _gates, verdict: _verdict, ...measured } = runs[1] as RunRecord;
    const record = judge({ ...measured, isPartial: false }, gate ? [gate] : []);
    expect(record.gates).toMatchObject([{ value: 400, passed: false, limit: gate?.limit }]);
    expect(rejudge(record)).toEqual(record);
  });

  test('needs one, with its figure in every run', () => {
    const gates = [parseGate('latency.waiting.p99 <= baseline')];
    expect(() => withBaseline(gates, [])).toThrow('needs a base line; give --baseline');
    expect(() => withBaseline(gates, [recordFixture().record])).toThrow('is not in 1 of the 1 runs');
  });
});

describe('a gate that makes no sense is told with what would be right', () => {
  test.each([
    [
      'messages.lost',
      '"messages.lost" is not a gate; write a metric, an operator (<= >= == != < >) and a limit, such as messages.lost == 0',
    ],
    ['messages.lost = 0', '= is not an operator; write one of <= >= == != < >'],
    [
      'mesages.lost == 0',
      'mesages.lost is not a metric of run.json; did you mean messages.lost or messages.sent?',
    ],
    [
      'latency.p99 < 1s',
      'latency.p99 is not a metric of run.json; did you mean latency.connect.p99, latency.accepted.p99, latency.delivered.p99 or latency.deliveredSinceSent.p99?',
    ],
    ['verdict == 1', 'verdict is not a metric of run.json; docs/scenario.md lists them'],
    [
      'latency.delivered.p99 < 250',
      'latency.delivered.p99 is compared with a duration, but 250 has no unit; write 250ms if that is what you mean',
    ],
    [
      'memory.bytesPerConnection.total < 16k',
      'memory.bytesPerConnection.total is compared with a size, but "16k" is not a size; write a number and a unit (B, KB, KiB, MB, MiB, GB, GiB), such as 100B',
    ],
    [
      'messages.lost == none',
      'messages.lost is compared with a count, but "none" is not a count; write a whole number, such as 5000 or 5_000',
    ],
  ])('%s', (expression, message) => {
    expect(() => parseGate(expression)).toThrow(new GateError(message));
  });
});

const WRITTEN: Record<Unit, (limit: number) => string> = {
  ms: (limit) => formatQuantity('duration', limit),
  us: (limit) => `${limit}us`,
  seconds: (limit) => formatQuantity('duration', limit * 1000),
  bytes: (limit) => formatQuantity('size', limit),
  perSecond: (limit) => formatQuantity('rate', limit),
  count: String,
  ratio: (limit) => String(limit / 1e6),
  cores: String,
  number: String,
};

test('every metric takes a limit in its own unit', () => {
  fc.assert(
    fc.property(fc.constantFrom(...METRICS), fc.nat(1_000_000), ({ path, unit }, limit) => {
      const metric = path.replace('<name>', 'mailboxes').replace('<reason>', 'ECONNRESET');
      const expected = unit === 'ratio' ? limit / 1e6 : limit;
      expect(parseGate(`${metric} <= ${WRITTEN[unit](limit)}`)).toMatchObject({ metric, limit: expected });
    }),
  );
});

describe('the catalogue of metrics', () => {
  test('names every figure of run.json that says something about the run, and no other', () => {
    expect(METRICS.map(({ path }) => path).sort()).toEqual(['durationSeconds', ...judgedPaths()].sort());
  });

  test.each(['kilobytes', 'bytes', 'latency', 'lagMs', 'PerSecond'])(
    'does not take the unit of a figure from the name of a phase: %s',
    (phase) => {
      expect(unitAt(`phases.${phase}.latency.delivered.p99`)).toBe('ms');
      expect(unitAt(`phases.${phase}.latency.delivered.count`)).toBe('count');
      expect(unitAt(`phases.${phase}.endSeconds`)).toBe('seconds');
    },
  );

  test('has a meaning, a label and a reason for absence for each', () => {
    for (const { path, label, meaning, absence } of METRICS) {
      expect(metricAt(path)?.path).toBe(path);
      expect([label, meaning, absence].every((words) => words.length > 2)).toBe(true);
    }
  });
});

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
  'cpu',
  'host',
  'cluster',
  'serverProcesses',
  'serverMetrics',
];

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
