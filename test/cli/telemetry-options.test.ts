import { describe, expect, test } from 'vitest';
import { readMetricsAddress, readOtlpUrl } from '../../cli/telemetry-options.js';

describe('--metrics', () => {
  test.each([
    [true, { host: '127.0.0.1', port: 9466, isLoopback: true }],
    ['0', { host: '127.0.0.1', port: 0, isLoopback: true }],
    ['localhost:9500', { host: 'localhost', port: 9500, isLoopback: true }],
    ['0.0.0.0:9466', { host: '0.0.0.0', port: 9466, isLoopback: false }],
    ['[::1]:9466', { host: '::1', port: 9466, isLoopback: true }],
    ['[::]:9466', { host: '::', port: 9466, isLoopback: false }],
  ] as const)('%s', (given, address) => {
    expect(readMetricsAddress(given)).toEqual(address);
  });

  test.each(['chat.yaml', '70000', 'http://127.0.0.1:9466/metrics', ':', ''])(
    '"%s" is no place to listen',
    (given) => {
      expect(() => readMetricsAddress(given)).toThrow(/^--metrics: ".*" is neither a port nor HOST:PORT/);
    },
  );
});

describe('--otlp', () => {
  test('takes the address of a receiver, or what the environment says', () => {
    expect(readOtlpUrl('https://otlp.example.com/base')).toBe('https://otlp.example.com/base');
    expect(readOtlpUrl(true)).toBeUndefined();
  });

  test.each(['localhost:4318', 'chat', 'grpc://127.0.0.1:4317'])('%s is none', (given) => {
    expect(() => readOtlpUrl(given)).toThrow(`--otlp: "${given}" is no address of a receiver`);
  });
});
