import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { type MetricsServer, startMetricsServer } from '../../telemetry/metrics-server.js';
import { runFamilies } from '../../telemetry/run-families.js';
import { runUnderWay } from './run-state.js';

let server: MetricsServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function start(port = 0): Promise<MetricsServer> {
  const state = runUnderWay();
  server = await startMetricsServer({ host: '127.0.0.1', port, isLoopback: true }, () => runFamilies(state));
  return server;
}

function ask(
  url: string,
  { method = 'GET', headers = {} } = {},
): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          text,
        }),
      );
    });
    asked.on('error', reject).end();
  });
}

describe('the page of metrics', () => {
  test('is in the text format of Prometheus, or in OpenMetrics for whoever asks for it', async () => {
    const { url } = await start();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    const plain = await ask(url);
    expect(plain).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
    expect(plain.text).toContain('# TYPE c2m_run_messages_sent_total counter');
    const open = await ask(url, { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });
    expect(open.type).toContain('application/openmetrics-text');
    expect(open.text).toMatch(/# EOF\n$/);
  });

  test('is all that there is, and only to be read', async () => {
    const { url } = await start();
    expect((await ask(url.replace('/metrics', '/'))).status).toBe(404);
    expect((await ask(url, { method: 'POST' })).status).toBe(405);
  });

  test('answers to no name but those of this machine', async () => {
    const { url } = await start();
    expect((await ask(url, { headers: { host: 'evil.example' } })).status).toBe(403);
    expect((await ask(url, { headers: { host: 'localhost:1' } })).status).toBe(200);
  });

  test('that cannot be made is an answer, and no end of the run', async () => {
    server = await startMetricsServer({ host: '127.0.0.1', port: 0, isLoopback: true }, () => {
      throw new Error('no such figure');
    });
    expect(await ask(server.url)).toMatchObject({ status: 500, text: 'no such figure\n' });
  });

  test('is made once for many who ask at the same time', async () => {
    let made = 0;
    server = await startMetricsServer({ host: '127.0.0.1', port: 0, isLoopback: true }, () => {
      made += 1;
      return runFamilies(runUnderWay());
    });
    const { url } = server;
    const began = performance.now();
    await Promise.all(Array.from({ length: 40 }, () => ask(url)));
    expect(made).toBeLessThanOrEqual(2 + (performance.now() - began) / 250);
  });

  test('of a port that is taken says so, and what to do', async () => {
    const { url } = await start();
    const port = Number(new URL(url).port);
    await expect(
      startMetricsServer({ host: '127.0.0.1', port, isLoopback: true }, () => []),
    ).rejects.toMatchObject({
      code: 'C2M_INPUT',
      message: `--metrics: port ${port} of 127.0.0.1 is taken; give another one, or 0 for any that is free`,
    });
  });
});
