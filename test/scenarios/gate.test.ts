import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatGateValue, GATE_METRICS, GateError, parseGate } from '../../scenarios/gate.js';

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
      'latency.p99 is not a metric of run.json; did you mean latency.connect.p99, latency.accepted.p99, latency.delivered.p99 or latency.receipt.p99?',
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

test('a value is shown in the notation that gates are written in', () => {
  expect(formatGateValue('latency.delivered.p99', 250)).toBe('250ms');
  expect(formatGateValue('memory.bytesPerConnection.total', 16_384)).toBe('16KiB');
  expect(formatGateValue('durationSeconds', 90)).toBe('1m30s');
  expect(formatGateValue('connections.connectsPerSecond', 2500)).toBe('2500/s');
  expect(formatGateValue('messages.lost', 0)).toBe('0');
});

test('every metric takes a limit that was formatted for it', () => {
  const named = GATE_METRICS.map((metric) =>
    metric.replace('<name>', 'mailboxes').replace('<reason>', 'ECONNRESET'),
  );
  fc.assert(
    fc.property(fc.constantFrom(...named), fc.nat(1_000_000), (metric, limit) => {
      expect(parseGate(`${metric} <= ${formatGateValue(metric, limit)}`)).toMatchObject({ metric, limit });
    }),
  );
});
