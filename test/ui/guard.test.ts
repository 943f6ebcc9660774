import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isOwnHost } from '../../ui/guard.js';
import { type LivePageServer, serveLivePage } from '../../ui/live-page-server.js';

let server: LivePageServer;
let address: URL;
let cookie: string;
let key: string;
const asked: unknown[] = [];

beforeAll(async () => {
  server = await serveLivePage(0, 'ann@box');
  address = new URL(server.address);
  const run = server.begin({
    folder: 'runs/x',
    scenario: 'lunch',
    description: '',
    clients: 1,
    phases: [],
    words: null,
  });
  run.control({
    rate: (...words) => {
      asked.push(['rate', ...words]);
      return 'done';
    },
    stop: (...words) => {
      asked.push(['stop', ...words]);
      return 'it ends';
    },
  });
  const entered = await get(`${address.pathname}${address.search}`);
  cookie = String(entered.headers['set-cookie']?.[0]).split(';')[0] as string;
  key =
    /name="c2m-key" content="([0-9a-f]+)"/.exec((await get(address.pathname, { cookie })).text)?.[1] ?? '';
});
afterAll(() => server.close());

interface Answer {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  text: string;
}

async function answerOf(call: ClientRequest, body?: string): Promise<Answer> {
  call.end(body);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return answerOf(request({ host: '127.0.0.1', port: address.port, path, method, headers }));
}

function post(path: string, headers: Record<string, string>, body: object = {}): Promise<Answer> {
  const all = { 'content-type': 'application/json', ...headers };
  const call = request({ host: '127.0.0.1', port: address.port, path, method: 'POST', headers: all });
  return answerOf(call, JSON.stringify(body));
}

describe('a page of this machine', () => {
  test('has an address of loopback with 128 random bits in it, which become a cookie that no script and no other path sees', async () => {
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{12}\/\?token=[0-9a-f]{32}$/);
    const { headers } = await get(`${address.pathname}${address.search}`);
    expect(headers['set-cookie']).toEqual([
      `c2m-page=${address.searchParams.get('token')}; Path=${address.pathname}; HttpOnly; SameSite=Strict`,
    ]);
    expect(await get(address.pathname, { cookie })).toMatchObject({ status: 200 });
  });

  test.each([
    ['without the token', () => get(address.pathname)],
    ['with another token', () => get(`${address.pathname}?token=${'0'.repeat(32)}`)],
    ['with two tokens', () => get(`${address.pathname}?token=a&token=b`)],
    ['with another cookie', () => get(address.pathname, { cookie: `c2m-page=${'0'.repeat(32)}` })],
    ['at the root', () => get('/', { cookie })],
    ['at a path that the token is not for', () => get(`/x${address.search}`)],
    ['for its changes without the token', () => get(`${address.pathname}changes`)],
    ['for its script without the token', () => get(`${address.pathname}live.js`)],
    ['by a name that somebody leads here', () => get(address.pathname, { cookie, host: 'evil.example' })],
    [
      'by such a name with the port',
      () => get(address.pathname, { cookie, host: `evil.example:${address.port}` }),
    ],
    ['by the name of another port', () => get(address.pathname, { cookie, host: '127.0.0.1:1' })],
    [
      'with a token by such a name',
      () => get(`${address.pathname}${address.search}`, { host: 'evil.example' }),
    ],
  ])('is shown to nobody who asks %s', async (_, ask) => {
    const { status, text, headers } = await ask();
    expect([status, text.length < 100]).toEqual([403, true]);
    expect(headers['set-cookie']).toBeUndefined();
  });

  test.each([
    ['without a cookie', () => post(`${address.pathname}stop`, { 'x-c2m-key': key })],
    ['without its key', () => post(`${address.pathname}stop`, { cookie })],
    [
      'with the token for a key',
      () => post(`${address.pathname}stop`, { cookie, 'x-c2m-key': '0'.repeat(32) }),
    ],
    [
      'from another site',
      () => post(`${address.pathname}stop`, { cookie, 'x-c2m-key': key, origin: 'http://evil.example' }),
    ],
    [
      'from another port',
      () => post(`${address.pathname}stop`, { cookie, 'x-c2m-key': key, origin: 'http://127.0.0.1:1' }),
    ],
  ])('does nothing for somebody who asks %s', async (_, ask) => {
    asked.length = 0;
    expect((await ask()).status).toBe(403);
    expect(asked).toEqual([]);
  });

  test('does nothing by GET, nor for what is no JSON', async () => {
    asked.length = 0;
    expect((await get(`${address.pathname}stop`, { cookie })).status).toBe(404);
    const form = await post(`${address.pathname}stop`, {
      cookie,
      'x-c2m-key': key,
      'content-type': 'text/plain',
    });
    expect(form.status).toBe(415);
    expect(asked).toEqual([]);
  });

  test('asks the run for what its own page asks for, and says what came of it', async () => {
    asked.length = 0;
    const own = { cookie, 'x-c2m-key': key, origin: `http://127.0.0.1:${address.port}` };
    const rate = await post(`${address.pathname}rate`, own, { rate: '5000/s' });
    expect(JSON.parse(rate.text)).toEqual({ isDone: true, words: 'done' });
    const wrong = await post(`${address.pathname}rate`, own, { rate: 5000 });
    expect(JSON.parse(wrong.text)).toMatchObject({ isDone: false });
    const most = await post(`${address.pathname}rate`, own, { rate: '10000001/s' });
    expect(JSON.parse(most.text).words).toContain('more than a run can have');
    const stop = await post(`${address.pathname}stop`, own, { why: ' enough ' });
    expect(JSON.parse(stop.text)).toEqual({ isDone: true, words: 'it ends' });
    expect(asked).toEqual([
      ['rate', 5000, 'ann@box'],
      ['stop', 'ann@box', 'enough'],
    ]);
    const large = await post(`${address.pathname}stop`, own, { why: 'x'.repeat(5000) });
    expect(large.status).toBe(413);
  });

  test('lets no other page read it, frame it, or run a script in it', async () => {
    const { headers } = await get(address.pathname, { cookie, origin: 'http://evil.example' });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(headers['content-security-policy']).toContain(
      "default-src 'none'; script-src 'self'; style-src 'self'",
    );
    expect(headers['content-security-policy']).not.toMatch(/unsafe|\*/);
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    const preflight = await get(
      `${address.pathname}stop`,
      { cookie, origin: 'http://evil.example' },
      'OPTIONS',
    );
    expect(preflight.status).toBe(403);
  });
});

test.each([
  ['127.0.0.1:8800', 8800, true],
  ['localhost', 80, true],
  ['localhost', 8800, false],
  ['localhost:80', 8800, false],
  ['evil.example', 80, false],
  ['127.0.0.1.evil.example:8800', 8800, false],
  [undefined, 80, false],
])('%s is the name of a page of this machine at port %d: %s', (host, port, expected) => {
  expect(isOwnHost(host, port)).toBe(expected);
});

test('an address that is none is refused without a word of it', async () => {
  const { status, text } = await get('/%zz-<b>');
  expect({ status, text }).toEqual({ status: 400, text: 'This is no address.\n' });
});
