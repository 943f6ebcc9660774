import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PayloadMaker } from '../../../../loadgen/agent/payload.js';
import { GROUP_BIT, ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { driver } from '../../../../loadgen/drivers/websocket/websocket-driver.js';
import { WEBSOCKET_PRESETS } from '../../../../scenarios/drivers/websocket-presets/presets.js';
import { survivesAnyBytes } from '../../../support/conformance.js';
import { FIRST_USER, startClients as start, webSocketSettings } from '../../../support/websocket.js';

const CHAT = {
  send: '{"to":"{{to}}","id":{{sequence}},"body":"{{payload}}"}',
  match: { delivered: { json: { type: 'message' }, payload: 'body' } },
};

const payloadOf = (client: number, sequence: number): Buffer =>
  new PayloadMaker(7, 30).make(30, 12.5, FIRST_USER + client, sequence);

describe('a login', () => {
  test('is over at once where nothing is to be said', () => {
    expect(start(CHAT).open()).toEqual({ said: [], events: ['loggedIn 0'] });
  });

  test('says one thing after the other, and waits for each answer', () => {
    const { open, hear } = start(
      {
        ...CHAT,
        login: ['hello', '{"user":{{user}},"client":{{client}},"run":{{run}},"key":"{{token}}"}'],
        token: 'a"b',
        loggedIn: { text: '^welcome' },
        subscribe: 'inbox {{user}}',
        subscribed: { json: { ok: true } },
        join: 'room {{group}}',
        joined: { text: 'joined' },
        sendToGroup: '{{payload}}',
      },
      2,
    );
    expect(open()).toEqual({
      said: ['hello', '{"user":1001,"client":0,"run":7,"key":"a\\"b"}'],
      events: [],
    });
    expect(hear('{"ok":true}')).toEqual({ said: [], events: [] });
    expect(hear('welcome to it')).toEqual({ said: ['inbox 1001'], events: [] });
    expect(hear('{"ok":true}')).toEqual({ said: ['room 1001'], events: [] });
    expect(hear('joined')).toEqual({ said: [], events: ['loggedIn 0'] });
  });

  test('joins nothing where there are no groups', () => {
    const { open } = start({ ...CHAT, join: 'room {{group}}', sendToGroup: '{{payload}}' });
    expect(open()).toEqual({ said: [], events: ['loggedIn 0'] });
  });

  test('that is refused ends the connection with the reason', () => {
    const match = { ...CHAT.match, refused: { json: { type: 'error' }, sequence: 'id', reason: 'why' } };
    const { open, hear } = start({ ...CHAT, match, loggedIn: { text: 'welcome' } });
    open();
    expect(hear('{"type":"error","why":"bad token"}').events).toEqual(['ended 0 BadToken']);
  });

  test('that takes too long knows whether something came that nobody expected', () => {
    const { open, hear, protocol } = start({ ...CHAT, loggedIn: { text: '^welcome' } });
    open();
    expect(protocol.whyNotLoggedIn?.(0)).toBeUndefined();
    hear('hi');
    expect(protocol.whyNotLoggedIn?.(0)).toBe('LoginNotRecognized');
    protocol.closed(0);
    expect(protocol.whyNotLoggedIn?.(0)).toBeUndefined();
  });
});

describe('a message', () => {
  test('is written as its template says', () => {
    const { protocol, out, said } = start(
      { ...CHAT, sendToGroup: 'to {{group}}: {{payload}} {{sequence}}' },
      2,
    );
    const payload = Buffer.from([0, 255, 1]);
    protocol.writeMessage(2, 3, 0, payload, out);
    protocol.writeMessage(2, 2, GROUP_BIT + 2 ** 31 - 1, payload, out);
    expect(said()).toEqual(['{"to":"1004","id":0,"body":"AP8B"}', 'to 1003: AP8B 4294967295']);
  });

  test('goes as it is in binary messages, where a character is a byte', () => {
    const { protocol, out, said, hear, open } = start({
      messages: 'binary',
      send: '\u00ff{{to}}:{{bytes}}',
      match: { delivered: { text: '^\u00ff(?<bytes>.*)$' } },
    });
    open();
    protocol.writeMessage(0, 1, 5, Buffer.from([0, 10, 255]), out);
    expect(said()).toEqual(['\u00ff1002:\u0000\n\u00ff']);
    const { events } = hear(Buffer.from([255, 0, 10, 254]));
    expect(events).toEqual(['delivered 0 000afe false']);
  });

  test('is delivered where it fits, and passed over where it does not', () => {
    const { hear, open } = start(CHAT);
    open();
    expect(hear('{"type":"message","body":"AP8B"}').events).toEqual(['delivered 0 00ff01 false']);
    for (const other of [
      '{"type":"notice","body":"AP8B"}',
      '{"type":"message"}',
      '{"type":"message","body":7}',
      '{"type":"message"',
      '"message"',
      '',
    ])
      expect(hear(other).events).toEqual([]);
  });

  test('that a client has sent itself is dropped, unless the sender is the recipient', () => {
    const own = (sequence: number) =>
      `{"type":"message","body":"${payloadOf(0, sequence).toString('base64')}"}`;
    const answered = { ...CHAT, match: { delivered: { ...CHAT.match.delivered, answer: 'seen' } } };
    const chat = start({ ...answered, sendToGroup: '{{payload}}' }, 2);
    chat.open();
    expect(chat.hear(own(GROUP_BIT + 1))).toEqual({ said: [], events: [] });
    expect(chat.hear(own(1))).toEqual({ said: [], events: [] });
    const echo = start({ ...answered, recipient: 'sender' });
    echo.open();
    expect(echo.hear(own(1))).toMatchObject({
      said: ['seen'],
      events: [expect.stringContaining('delivered')],
    });
  });

  test('is marked as a redelivery where the server says so', () => {
    const delivered = { json: { type: 'message' }, payload: 'body', redelivery: 'again' };
    const keys = { ...CHAT, match: { delivered } };
    const { hear, open } = start(keys);
    open();
    expect(driver.promises(webSocketSettings(keys))).toMatchObject({ marksRedelivery: true });
    expect(hear('{"type":"message","body":"AP8B","again":true}').events).toEqual(['delivered 0 00ff01 true']);
    expect(hear('{"type":"message","body":"AP8B"}').events).toEqual(['delivered 0 00ff01 false']);
  });

  test('longer than the bound breaks the protocol', () => {
    const { protocol, out } = start({ ...CHAT, largestMessage: '1KiB' });
    protocol.opened(0, out);
    expect(() => protocol.received(0, Buffer.alloc(1025, ' '), out)).toThrow(ProtocolViolation);
  });
});

describe('what the server says of messages', () => {
  const match = {
    ...CHAT.match,
    accepted: { text: '^ACK (?<sequence>\\d+)$' },
    receipted: { json: { type: 'read' }, sequence: 'of.id', by: 'from' },
    refused: { json: { error: { exists: true } }, sequence: 'id', reason: 'error.0.text' },
    ended: { json: { type: ['bye', 'kicked'] }, reason: 'type' },
  };

  test.each([
    ['ACK 4294967295', 'accepted 0 4294967295'],
    ['{"type":"read","of":{"id":"5"},"from":"user-1003"}', 'receipted 0 2 5'],
    ['{"type":"read","of":{"id":5},"from":1003}', 'receipted 0 2 5'],
    ['{"id":5,"error":[{"text":"not allowed: 7"}]}', 'refused 0 5 NotAllowed7'],
    ['{"id":"x","error":[{"text":429}]}', 'refused 0 undefined Code429'],
    ['{"error":"full"}', 'refused 0 undefined Refused'],
    ['{"type":"kicked"}', 'ended 0 Kicked'],
  ])('%s means: %s', (message, event) => {
    const { hear, open } = start({ ...CHAT, match });
    open();
    expect(hear(message).events).toEqual([event]);
  });

  test.each([
    'ACK x',
    'NACK 5',
    'ACK 99999999999',
    '{"type":"read","of":{"id":-1},"from":1003}',
    '{"type":"read","of":{"id":1.5},"from":1003}',
    '{"type":"read","of":[],"from":1003}',
    '{"type":"read","of":{"id":1},"from":"nobody"}',
    '{"error":null}',
  ])('%s means nothing', (message) => {
    const { hear, open } = start({ ...CHAT, match });
    open();
    expect(hear(message)).toEqual({ said: [], events: [] });
  });

  test('the partner has got it where nobody else is named', () => {
    const receipted = { text: '^READ (?<sequence>\\d+)$' };
    const { hear, open } = start({ ...CHAT, match: { ...CHAT.match, receipted } });
    open();
    expect(hear('READ 5').events).toEqual(['receipted 0 1 5']);
  });

  test('the first row that fits decides, in the order in which they are written', () => {
    const accepted = { json: { id: { exists: true } }, sequence: 'id' };
    const refused = { json: { id: { exists: true }, error: { exists: true } }, sequence: 'id' };
    const eventOf = (table: object): string[] => {
      const { hear, open } = start({ ...CHAT, match: { ...table, ...CHAT.match } });
      open();
      return hear('{"id":1,"error":"no"}').events;
    };
    expect(eventOf({ accepted, refused })).toEqual(['accepted 0 1']);
    expect(eventOf({ refused, accepted })).toEqual(['refused 0 1 Refused']);
  });

  test('reasons that are all different are counted under a bounded number of words', () => {
    const { hear, open } = start({ ...CHAT, match });
    open();
    const reasons = new Set<string>();
    for (let at = 0; at < 1000; at += 1)
      for (const event of hear(`{"id":1,"error":[{"text":"at ${at}"}]}`).events) reasons.add(event);
    expect(reasons.size).toBe(101);
  });
});

test('an answer repeats what stands in the message, as it has to stand in JSON', () => {
  const ping = {
    json: { type: 'ping' },
    answer: '{"pong":"{{message.data.text}}","n":{{message.n}},"by":{{user}}}',
  };
  const { hear, open } = start({ ...CHAT, match: { ...CHAT.match, ping } });
  open();
  expect(hear('{"type":"ping","n":7,"data":{"text":"say \\"hi\\""}}').said).toEqual([
    '{"pong":"say \\"hi\\"","n":7,"by":1001}',
  ]);
  const named = { text: '^PING (?<nonce>\\S+)$', answer: 'PONG {{message.nonce}}' };
  const plain = start({ ...CHAT, match: { ...CHAT.match, ping: named } });
  plain.open();
  expect(plain.hear('PING "a"').said).toEqual(['PONG "a"']);
});

test('an answer that would repeat what is nested too deep breaks the protocol', () => {
  const ping = { json: { type: 'ping' }, answer: '{{message.data}}' };
  const { open, protocol, out } = start({ ...CHAT, match: { ...CHAT.match, ping } });
  open();
  const nested = Buffer.from(`{"type":"ping","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
  expect(() => protocol.received(0, nested, out)).toThrow(
    expect.objectContaining({ name: 'ProtocolViolation', reason: 'MessageTooDeep' }),
  );
});

describe('a pattern that is too slow for what the server sends', () => {
  const delivered = { text: '^(?<a>.*),(?<b>.*),(?<payload>[A-Za-z0-9+/=]+)$' };

  test('is broken off after a second, and ends the connection', () => {
    const { open, protocol, out, hear } = start({ ...CHAT, match: { delivered } });
    open();
    const sinceMs = performance.now();
    expect(() => protocol.received(0, Buffer.alloc(1024 * 1024, ','), out)).toThrow(
      expect.objectContaining({ name: 'ProtocolViolation', reason: 'SlowPattern' }),
    );
    expect(performance.now() - sinceMs).toBeLessThan(5000);
    expect(hear('a,b,AP8B').events).toEqual(['delivered 0 00ff01 false']);
  });

  test('reads what it is not too slow for, however long it is', () => {
    const { open, hear } = start({ ...CHAT, match: { delivered } });
    open();
    const { events } = hear(`a,b,${'AP8B'.repeat(50_000)}`);
    expect(events).toEqual([`delivered 0 ${'00ff01'.repeat(50_000)} false`]);
  });
});

test('a key with a dot in it has a backslash before the dot', () => {
  const delivered = { json: { 'a\\.b.0': 1 }, payload: 'a\\.b.1' };
  const { hear, open } = start({ ...CHAT, match: { delivered } });
  open();
  expect(hear('{"a.b":[1,"AP8B"]}').events).toEqual(['delivered 0 00ff01 false']);
});

test('what is no own key of an object is not there', () => {
  const delivered = { json: { 'constructor.name': 'Object' }, payload: 'body' };
  const { hear, open } = start({ ...CHAT, match: { delivered } });
  open();
  expect(hear('{"body":"AP8B"}').events).toEqual([]);
});

test('one WebSocket message may hold several of the protocol', () => {
  const { hear, open } = start({ ...CHAT, separator: '\n' });
  open();
  expect(hear('{"type":"message","body":"AP8B"}\n\n{"type":"message","body":"AAAA"}\n').events).toEqual([
    'delivered 0 00ff01 false',
    'delivered 0 000000 false',
  ]);
});

test('a client that comes back logs in again', () => {
  const { open, hear, protocol } = start({ ...CHAT, login: 'hi', loggedIn: { text: 'hello' } });
  open();
  hear('hello');
  protocol.closed(0);
  expect(open()).toEqual({ said: ['hi'], events: [] });
  expect(hear('hello').events).toEqual(['loggedIn 0']);
});

describe.each(Object.keys(WEBSOCKET_PRESETS))('the preset %s', (preset) => {
  const settings = webSocketSettings({ preset });

  test('survives whatever a server sends', () => {
    survivesAnyBytes(driver, settings);
  });

  test('survives JSON of any kind, also in the places that it looks at', () => {
    const keys = ['type', 'id', 'body', 'payload', 'error', 'push', 'publish', 'arguments', 'data', 'pub'];
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom(null, true, 1, 3, 7, -1, 'message', 'next', 'phx_reply', '1', '', '__proto__'),
        fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), tie('json')),
        fc.array(tie('json')),
      ),
    }));
    fc.assert(
      fc.property(fc.array(json, { maxLength: 8 }), (messages) => {
        const { protocol, out } = start({ preset });
        protocol.opened(0, out);
        for (const message of messages) {
          const bytes = Buffer.from(JSON.stringify(message));
          expect(protocol.received(0, bytes, out)).toBe(bytes.length);
        }
      }),
      { numRuns: 200 },
    );
  });
});
