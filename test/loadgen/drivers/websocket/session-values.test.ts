import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runScenario } from '../../../../lab/run-scenario.js';
import { ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { loadScenario } from '../../../../scenarios/load.js';
import { sessionDialect } from '../../../fixtures/websocket-dialects.js';
import { startRelay } from '../../../fixtures/websocket-relay.js';
import { conforms } from '../../../support/conformance.js';
import { testFolder } from '../../../support/folder.js';
import { blocksUnder } from '../../../support/markdown-blocks.js';
import { startClients, webSocketPlan } from '../../../support/websocket.js';

const DELIVERED = { json: { type: 'message' }, payload: 'body' };
const PAYLOAD = Buffer.from([0, 255, 1]);

/** Logs in, and writes the token that it is told into each message. */
const TOKEN = {
  login: 'hello',
  loggedIn: { json: { type: 'welcome' }, capture: { token: 'data.token' } },
  send: '{"token":"{{session.token}}","body":"{{payload}}"}',
  match: { delivered: DELIVERED },
};

const welcome = (token: unknown): string => JSON.stringify({ type: 'welcome', data: { token } });

describe('a value that the server tells a client', () => {
  test('stands in what that client writes from then on, and in what no other one does', () => {
    const { open, hear, protocol, out, said } = startClients(TOKEN);
    open();
    expect(hear(welcome('t1')).events).toEqual(['loggedIn 0']);
    protocol.opened(1, out);
    protocol.received(1, Buffer.from(welcome('t2')), out);
    said();
    for (const client of [0, 1]) protocol.writeMessage(client, 1 - client, 5, PAYLOAD, out);
    expect(said()).toEqual(['{"token":"t1","body":"AP8B"}', '{"token":"t2","body":"AP8B"}']);
  });

  test.each([
    ['a"b\\c\n', '{"token":"a\\"b\\\\c\\n","body":"AP8B"}', 'a"b\\c\n AP8B'],
    ['ü', '{"token":"ü","body":"AP8B"}', 'ü AP8B'],
    [17, '{"token":"17","body":"AP8B"}', '17 AP8B'],
    [true, '{"token":"true","body":"AP8B"}', 'true AP8B'],
  ])('is escaped in JSON, and stands as it is elsewhere: %j', (token, inJson, inText) => {
    for (const [send, expected] of [
      [TOKEN.send, inJson],
      ['{{session.token}} {{payload}}', inText],
    ] as const) {
      const { open, hear, protocol, out } = startClients({ ...TOKEN, send });
      open();
      hear(welcome(token));
      protocol.writeMessage(0, 1, 5, PAYLOAD, out);
      expect(out.takeMessages().map(String)).toEqual([expected]);
    }
  });

  test('may be the named group of a regular expression', () => {
    const loggedIn = { text: '^WELCOME (?<id>[^,]+)', capture: { session: 'id' } };
    const { open, hear, protocol, out, said } = startClients({
      ...TOKEN,
      loggedIn,
      send: '{{session.session}}:{{payload}}',
    });
    open();
    hear('WELCOME 0123456789abcdef, dear client');
    protocol.writeMessage(0, 1, 5, PAYLOAD, out);
    expect(said()).toEqual(['0123456789abcdef:AP8B']);
  });

  test('is waited for between two messages of a login: challenge, then answer', () => {
    const { open, hear } = startClients({
      ...TOKEN,
      login: [
        { await: { json: { type: 'challenge' }, capture: { nonce: 'nonce' } } },
        '{"answer":"{{session.nonce}}"}',
        '{"user":{{user}}}',
        { await: { text: '^known' } },
        'go on',
      ],
    });
    expect(open()).toEqual({ said: [], events: [] });
    expect(hear('known')).toEqual({ said: [], events: [] });
    expect(hear('{"type":"challenge","nonce":"n7"}')).toEqual({
      said: ['{"answer":"n7"}', '{"user":1001}'],
      events: [],
    });
    expect(hear('known')).toEqual({ said: ['go on'], events: [] });
    expect(hear(welcome('t1'))).toEqual({ said: [], events: ['loggedIn 0'] });
  });

  test('takes the place of the one before, from any message that the table has', () => {
    const match = {
      delivered: {
        ...DELIVERED,
        capture: { last: 'from' },
        answer: 'read {{session.last}} {{session.token}}',
      },
      session: { json: { type: 'token' }, capture: { token: 'value' } },
    };
    const { open, hear } = startClients({ ...TOKEN, match });
    open();
    hear(welcome('t1'));
    const message = (from: string): string => JSON.stringify({ type: 'message', body: 'AP8B', from });
    expect(hear(message('ann')).said).toEqual(['read ann t1']);
    expect(hear('{"type":"token","value":"t2"}')).toEqual({ said: [], events: [] });
    // What a message lacks leaves what was there before.
    expect(hear('{"type":"token"}')).toEqual({ said: [], events: [] });
    expect(hear(message('ben')).said).toEqual(['read ben t2']);
  });

  test('is gone with its connection', () => {
    const { open, hear, protocol, out, said } = startClients({ ...TOKEN, subscribe: 'me {{session.token}}' });
    open();
    expect(hear(welcome('t1')).said).toEqual(['me t1']);
    protocol.closed(0);
    open();
    expect(hear('{"type":"welcome"}').events).toEqual(['ended 0 SessionValueMissing(token)']);
    protocol.writeKeepalive(0, out);
    expect(said()).toEqual([]);
  });

  test('keeps nothing of the message that it came in', async () => {
    const loggedIn = { text: '^WELCOME (?<id>[^,]+)', capture: { token: 'id' } };
    const { protocol, out } = startClients({ ...TOKEN, loggedIn, largestMessage: '16MiB' });
    const before = usedBytes();
    for (let client = 0; client < 4; client += 1) {
      protocol.opened(client, out);
      const answer = Buffer.from(`WELCOME ${'t'.repeat(100)}, ${'x'.repeat(8 * 2 ** 20)}`);
      protocol.received(client, answer, out);
    }
    // The last of the four, its bytes and its text, may be there until the next one comes. What is collected is given back a moment later.
    await expect.poll(() => usedBytes() - before).toBeLessThan(3 * 8 * 2 ** 20);
    protocol.writeMessage(3, 2, 5, PAYLOAD, out);
    expect(String(out.takeMessages().at(-1))).toContain(`"token":"${'t'.repeat(100)}"`);
  });

  test('has a bound, past which the connection ends', () => {
    const { open, protocol, out } = startClients(TOKEN);
    open();
    const received = (): unknown => protocol.received(0, Buffer.from(welcome('x'.repeat(8193))), out);
    expect(received).toThrow(ProtocolViolation);
    expect(received).toThrow('token has 8193 characters');
  });
});

describe('a value that a client was never told ends what needs it, and says which one it was:', () => {
  const MISSING = 'SessionValueMissing(token)';
  const missing = [
    ['nothing stands there', '{"type":"welcome","data":{}}'],
    ['an empty text', welcome('')],
    ['null', welcome(null)],
    ['an object', welcome({ id: 1 })],
    [
      'a number with more digits than JavaScript keeps',
      '{"type":"welcome","data":{"token":9007199254740993}}',
    ],
  ] as const;

  test.each(missing)('the login, where it stands in that: %s', (_, answer) => {
    const { open, hear } = startClients({ ...TOKEN, subscribe: ['first', 'me {{session.token}}', 'last'] });
    open();
    expect(hear(answer)).toEqual({ said: ['first'], events: [`ended 0 ${MISSING}`] });
  });

  test.each(missing)('the message, where only that needs it, and the next one may go: %s', (_, answer) => {
    const match = { delivered: DELIVERED, session: { json: { type: 'token' }, capture: { token: 'value' } } };
    const { open, hear, protocol, out, said, told } = startClients({ ...TOKEN, match });
    open();
    expect(hear(answer).events).toEqual(['loggedIn 0']);
    protocol.writeMessage(0, 1, 5, PAYLOAD, out);
    expect(told()).toEqual([]);
    protocol.messagesWritten?.(0, out);
    expect(said()).toEqual([]);
    expect(told()).toEqual([`refused 0 5 ${MISSING}`]);
    hear('{"type":"token","value":"t1"}');
    protocol.writeMessage(0, 1, 6, PAYLOAD, out);
    protocol.messagesWritten?.(0, out);
    expect(said()).toEqual(['{"token":"t1","body":"AP8B"}']);
    expect(told()).toEqual([]);
  });

  test('the connection, where a sign of life or an answer needs it', () => {
    const { open, hear, protocol, out, told } = startClients({
      ...TOKEN,
      heartbeat: 'alive {{session.token}}',
      match: { delivered: DELIVERED, ping: { text: '^ping', answer: 'pong {{session.token}}' } },
    });
    open();
    hear('{"type":"welcome"}');
    protocol.writeKeepalive(0, out);
    expect(told()).toEqual([`ended 0 ${MISSING}`]);
    expect(hear('ping')).toEqual({ said: [], events: [`ended 0 ${MISSING}`] });
  });
});

/** After a collection. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What docs/drivers.md shows for such a server. */
async function documented(): Promise<string> {
  const [block] = blocksUnder(await readFile('docs/drivers.md', 'utf8'), 'Values of the session');
  return block?.text ?? '';
}

/** Runs the scenario of the docs, changed, against a server that wants its token in each frame. */
async function runDocumented(change: (text: string) => string = (text) => text) {
  const server = await startRelay(sessionDialect);
  onTestFinished(server.close);
  const folder = testFolder();
  const file = join(folder, 'chat.yaml');
  const here = (await documented()).replace('127.0.0.1:8080', `127.0.0.1:${server.endpoint.port}`);
  await writeFile(file, change(here));
  return runScenario(await loadScenario(file, ['generator.lagLimit=30s']), { folder: join(folder, 'run') });
}

describe('a server that ends connections whose frames lack their token and channel', () => {
  conforms('is loaded like any other', {
    driver: webSocketPlan({
      login: [
        { await: { json: { type: 'challenge' }, capture: { nonce: 'nonce' } } },
        '{"type":"answer","user":"{{user}}","nonce":"{{session.nonce}}"}',
      ],
      loggedIn: {
        json: { type: 'welcome' },
        capture: { token: 'session.token', channel: 'session.channel' },
      },
      send: '{"type":"message","token":"{{session.token}}","channel":{{session.channel}},"to":"{{to}}","id":{{sequence}},"body":"{{payload}}"}',
      match: {
        delivered: { json: { type: 'message' }, payload: 'body' },
        accepted: { json: { type: 'ack' }, sequence: 'id' },
        session: { json: { type: 'token' }, capture: { token: 'token' } },
      },
    }),
    start: (faults) => startRelay(sessionDialect, faults),
  });

  test('passes with the scenario of the docs', async () => {
    const { record, failure } = await runDocumented();
    expect(failure).toBeUndefined();
    expect(record).toMatchObject({
      verdict: 'passed',
      connections: { failed: 0, dropped: 0, failures: {} },
      messages: { lost: 0, refused: 0, accepted: record?.messages.sent },
      notes: [],
    });
    expect(record?.messages.sent).toBeGreaterThan(50);
  });

  test('is told apart from a scenario that looks for the token in the wrong place', async () => {
    const { failure } = await runDocumented((text) => text.replace('nonce: nonce', 'nonce: nonsense'));
    expect(failure?.message).toMatch(/^no client could log in at .*: \d+ × SessionValueMissing\(nonce\)/);
  });

  test('gets no message that could not be written, and the record says why', async () => {
    const { record, failure } = await runDocumented((text) =>
      text.replace('token: session.token', 'token: session.tokens'),
    );
    expect(failure).toBeUndefined();
    const { sent } = record?.messages ?? { sent: 0 };
    expect(sent).toBeGreaterThan(50);
    expect(record).toMatchObject({
      connections: { failed: 0, dropped: 0 },
      messages: { refused: sent, delivered: 0, lost: 0 },
      refusals: { 'SessionValueMissing(token)': sent },
    });
    // Two clients have met the same before the run.
    expect(record?.notes.join()).toMatch(/first contact: .*SessionValueMissing\(token\)/);
  });
});
