import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { MediaLoad } from '../../loadgen/media/media-load.js';

const PLAN = { uploadRate: 1, downloadRate: 1, bytes: 4096, connections: 1 };
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('neither files nor the token go where the media port redirects to', async () => {
  let isReached = false;
  const elsewhere = await listen((_, response) => {
    isReached = true;
    response.end('{}');
  });
  const url = await listen((request, response) => {
    request.resume();
    response.writeHead(307, { location: `${elsewhere}${request.url}` }).end();
  });
  await expect(MediaLoad.prepare(url, PLAN, 1, 'sesame')).rejects.toMatchObject({
    code: 'C2M_RUN',
    message: expect.stringContaining('correct target.media'),
  });
  expect(isReached).toBe(false);
});

test.each([
  '',
  'nonsense',
  'null',
  '{}',
  '{"link":7}',
  '{"link":"not a url"}',
  '{"link":"http://x/","thumbnail":{}}',
])('an upload that is answered with %j is told as no media port of ours', async (answer) => {
  const url = await listen((request, response) => {
    request.resume();
    response.end(answer);
  });
  await expect(MediaLoad.prepare(url, PLAN, 1, 'sesame')).rejects.toThrow(
    'does not answer as a media port of c2m; correct target.media',
  );
});

test('links that name another host are fetched from the media port of the scenario', async () => {
  const asked: string[] = [];
  const url = await listen((request, response) => {
    request.resume();
    if (request.method === 'GET') asked.push(`${request.headers.host}${request.url}`);
    response.end('{"link":"http://192.0.2.7:80/media/abc?key=1"}');
  });
  const load = await MediaLoad.prepare(url, { ...PLAN, uploadRate: 0, downloadRate: 50 }, 1, 'sesame');
  load.start();
  await expect.poll(() => asked.length, { timeout: 20_000 }).toBeGreaterThan(0);
  await load.stop();
  expect(asked[0]).toBe(`${new URL(url).host}/media/abc?key=1`);
});
