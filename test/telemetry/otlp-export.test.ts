import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { freePort } from '../../lab/cluster/free-ports.js';
import { missingSdk } from '../../telemetry/otlp/load-sdk.js';
import { type OtlpExport, startOtlpExport } from '../../telemetry/otlp/otlp-export.js';
import { runFamilies } from '../../telemetry/run-families.js';
import { recordFixture } from '../fixtures/record.js';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.js';
import { runUnderWay } from './run-state.js';

let receiver: OtlpReceiver | undefined;
let exporter: OtlpExport | undefined;
afterEach(async () => {
  await exporter?.close();
  await receiver?.close();
  [receiver, exporter] = [undefined, undefined];
  vi.unstubAllEnvs();
});

const state = runUnderWay();
const { record } = recordFixture((each) => {
  each.id = '0d9f8a51-6a0f-4d0e-9c5c-3f2f9b1f7a10';
  each.verdict = 'failed';
  each.marks = [
    { atSeconds: 5, label: 'kill-worker 1', endSeconds: 6.5 },
    { atSeconds: 6.5, label: 'worker 1 is there again', isEnd: true },
    { atSeconds: 16, label: 'reload failed' },
  ];
  each.gates[1] = { expression: 'messages.lost == 0', value: 12, passed: false };
});

async function startExport(url: string | undefined, told: string[] = []): Promise<OtlpExport> {
  exporter = await startOtlpExport({
    url,
    version: '1.2.3',
    families: () => runFamilies(state),
    startedAtMs: () => state.startedAtMs,
    tell: (why) => told.push(why),
  });
  return exporter;
}

describe('what arrives at a receiver of OTLP', () => {
  test('are the figures of the run, cumulative, with units beside their names', async () => {
    receiver = await startOtlpReceiver();
    await (await startExport(`${receiver.url}/`)).ended(record);
    expect(receiver.requests.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['/v1/metrics', '/v1/traces']),
    );
    const sent = receiver.metric('c2m.run.messages_sent');
    expect(sent).toMatchObject({ kind: 'sum', isMonotonic: true, isCumulative: true });
    expect(sent?.points).toMatchObject([
      { value: state.messages.sent, startMs: expect.closeTo(state.startedAtMs, -1) },
    ]);
    const memory = receiver.metric('c2m.run.server_memory');
    expect(memory).toMatchObject({ kind: 'gauge', unit: 'By', points: [{ value: expect.any(Number) }] });
    const latency = receiver.metric('c2m.run.latency');
    expect(latency).toMatchObject({ kind: 'histogram', unit: 's', isCumulative: true });
    expect(latency?.points[0]).toMatchObject({ attributes: { kind: 'delivered' }, count: 4 });
    expect(latency?.points[0]?.buckets).toHaveLength((latency?.points[0]?.bounds.length ?? 0) + 1);
  });

  test('is a trace that the record gives its id: the run, its phases, and within them what was done', async () => {
    receiver = await startOtlpReceiver();
    await (await startExport(receiver.url)).ended(record);
    const spans = receiver.spans();
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(
      new Set(['0d9f8a516a0f4d0e9c5c3f2f9b1f7a10']),
    );
    const run = spans.find(({ parentId }) => parentId === '');
    expect(run).toMatchObject({
      name: 'run offline-backlog',
      status: 2,
      startMs: Date.parse(record.startedAt),
      attributes: { 'c2m.run.id': record.id, 'c2m.verdict': 'failed' },
      events: [
        { name: 'gate did not hold', attributes: { 'c2m.gate': 'messages.lost == 0', 'c2m.gate.value': 12 } },
      ],
    });
    const phases = spans.filter(({ name }) => name.startsWith('phase '));
    expect(phases.map(({ name }) => name.slice(6))).toEqual(record.phases.map(({ name }) => name));
    expect(phases.every(({ parentId }) => parentId === run?.spanId)).toBe(true);
    const kill = spans.find(({ name }) => name === 'kill-worker 1');
    expect(kill?.parentId).toBe(phases.find(({ name }) => name === 'phase talk')?.spanId);
    expect((kill?.endMs ?? 0) - (kill?.startMs ?? 0)).toBeCloseTo(1500, 3);
    expect(spans.find(({ name }) => name === 'reload failed')?.status).toBe(2);
    expect(spans.some(({ name }) => name === 'worker 1 is there again')).toBe(false);
    expect(spans.some(({ name }) => name.startsWith('queue '))).toBe(record.backlog.alerts.length > 0);
  });

  test('says what it is of, and has what the environment wants', async () => {
    receiver = await startOtlpReceiver();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-scope=lab,authorization=Bearer%20secret');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment=ci');
    await (await startExport(undefined)).ended(record);
    const [metrics] = receiver.requests.filter(({ path }) => path === '/v1/metrics');
    const [traces] = receiver.requests.filter(({ path }) => path === '/v1/traces');
    for (const request of [metrics, traces]) {
      expect(request?.headers).toMatchObject({ 'x-scope': 'lab', authorization: 'Bearer secret' });
      expect(request?.resource).toMatchObject({
        'service.name': 'c2m',
        'service.version': '1.2.3',
        'deployment.environment': 'ci',
      });
    }
  });

  test('goes where it was told to, with the headers of the environment', async () => {
    receiver = await startOtlpReceiver();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${await freePort()}`);
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-scope=lab');
    await (await startExport(receiver.url)).ended(record);
    expect(receiver.requests.find(({ path }) => path === '/v1/metrics')?.headers['x-scope']).toBe('lab');
  });
});

describe('a receiver that is not what it should be', () => {
  test('is told once, whatever it is that fails, and nothing waits for it', async () => {
    const told: string[] = [];
    const url = `http://127.0.0.1:${await freePort()}`;
    const before = performance.now();
    const toNobody = await startExport(url, told);
    await toNobody.ended(record);
    await toNobody.ended(record);
    await toNobody.close();
    exporter = undefined;
    expect(told).toEqual([expect.stringContaining('ECONNREFUSED')]);
    expect(performance.now() - before).toBeLessThan(30_000);
  });

  test('of another kind is told with what it answered', async () => {
    receiver = await startOtlpReceiver(404);
    const told: string[] = [];
    await (await startExport(receiver.url, told)).ended(record);
    expect(told).toEqual([expect.stringMatching(/^it answered 404/)]);
  });

  test('that takes and never answers is waited for some seconds at most', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const { port } = silent.address() as { port: number };
    const told: string[] = [];
    const before = performance.now();
    await (await startExport(`http://127.0.0.1:${port}`, told)).ended(record);
    expect(performance.now() - before).toBeLessThan(20_000);
    silent.close();
  });

  test('that goes on answering for ever is broken off at the end, and keeps no process alive', async () => {
    const dripping = createHttpServer((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      const drip = setInterval(() => response.write('.'), 100);
      response.on('close', () => clearInterval(drip));
    });
    await new Promise<void>((listening) => dripping.listen(0, '127.0.0.1', listening));
    const { port } = dripping.address() as { port: number };
    const told: string[] = [];
    const endless = await startExport(`http://127.0.0.1:${port}`, told);
    await endless.ended(record);
    await endless.close();
    const connections = (): Promise<number> =>
      new Promise((resolve) => dripping.getConnections((_error, count) => resolve(count)));
    await expect.poll(connections).toBe(0);
    // Whether the SDK gives up first, or we do.
    expect(told).toEqual([expect.stringMatching(/in time|timed? ?out/i)]);
    dripping.close();
  });
});

test('without the SDK it is said how to install it', () => {
  const error = missingSdk(
    Object.assign(new Error("Cannot find package '@opentelemetry/api'"), { code: 'ERR_MODULE_NOT_FOUND' }),
  );
  expect(error).toMatchObject({ code: 'C2M_INPUT' });
  expect(error.message).toContain('npm install @opentelemetry/api@');
});
