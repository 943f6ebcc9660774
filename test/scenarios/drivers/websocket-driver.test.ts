import { describe, expect, test } from 'vitest';
import { checkDriver } from '../../../lab/driver-limits.js';
import { driver } from '../../../loadgen/drivers/websocket/websocket-driver.js';
import { PRESET_NAMES } from '../../../scenarios/drivers/websocket-presets/presets.js';
import { parseScenario } from '../../../scenarios/load.js';
import { ScenarioError } from '../../../scenarios/scenario-error.js';
import { webSocketSettings } from '../../support/websocket.js';

/** A scenario whose driver has these keys, as lines of YAML. */
const withKeys = (...keys: string[]): string => `name: chat
target:
  addresses: [ws://127.0.0.1:8080]
  driver:
    websocket:
${keys.map((each) => `      ${each}`).join('\n')}
clients: { count: 40 }
phases:
  - { name: talk, duration: 10s, rate: 500/s }
`;

const SEND = `send: '{"to":"{{to}}","body":"{{payload}}"}'`;
const DELIVERED = 'delivered: { json: { type: message }, payload: body }';
const MATCH = `match: { ${DELIVERED} }`;

function issuesOf(text: string): string[] {
  try {
    parseScenario(text, 'chat.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(ScenarioError);
    return (error as ScenarioError).message.split('\n');
  }
  return [];
}

const AT = 'target.driver.websocket';

describe('a template that is wrong is told with its line and its key', () => {
  test.each([
    [`login: '{{usr}}'`, `${AT}.login: {{usr}} is no variable here; did you mean user?`],
    [
      `heartbeat: '{{sequence}}'`,
      `${AT}.heartbeat: {{sequence}} is no variable here; known here: user, client, run, token`,
    ],
    [`login: [hello, '{{ }}']`, `${AT}.login.1: has {{ without a variable behind it`],
    ['login: 7', `${AT}.login: must be a template, or a list of them`],
    [`sendToGroup: 'hello'`, `${AT}.sendToGroup: has no {{payload}}`],
    [`sendToGroup: '{{bytes}}'`, `${AT}.sendToGroup: has {{bytes}}, which text cannot carry`],
  ])('%s', (key, words) => {
    const [issue, ...others] = issuesOf(withKeys(key, SEND, MATCH));
    expect(issue).toContain(`chat.yaml:6 ${words}`);
    expect(others).toEqual([]);
  });
});

describe('a matcher that is wrong is told with its key', () => {
  test.each([
    ['acceptd: { text: x }', `${AT}.match.acceptd: is not a known key; did you mean accepted?`],
    ['accepted: { json: { type: ack } }', `${AT}.match.accepted.sequence: is missing; which message`],
    [
      `accepted: { text: '^ACK (?<id>.*)' }`,
      `${AT}.match.accepted.text: has no group for it: (?<sequence>…)`,
    ],
    [`accepted: { text: '(' }`, `${AT}.match.accepted.text: is no regular expression`],
    [`ping: { text: '^(a+)+$' }`, `${AT}.match.ping.text: repeats a group that has choices`],
    [`ping: { text: '(a|b)*' }`, `${AT}.match.ping.text: repeats a group that has choices`],
    [`ping: { text: '(a)\\1' }`, `${AT}.match.ping.text: must not refer back`],
    ['ping: { text: x, json: { a: 1 } }', `${AT}.match.ping: must have either json or text`],
    ['ping: {}', `${AT}.match.ping: must have either json or text`],
    ['ping: { json: {} }', `${AT}.match.ping.json: must have at least one path`],
    ['ping: { json: { a: { b: 1 } } }', `${AT}.match.ping.json.a: {"b":1} must be a value, a list of values`],
    [
      `ping: { text: x, answer: '{{message.y}}' }`,
      `${AT}.match.ping.answer: {{message.y}} is no named group`,
    ],
    [`refused: { text: x, reason: y }`, `${AT}.match.refused.reason: is a named group of text: (?<reason>…)`],
    ['ping: { json: { a: 1 }, payload: b }', `${AT}.match.ping.payload: is not a known key`],
    ['ping: [{ text: x }, { json: {} }]', `${AT}.match.ping.1.json: must have at least one path`],
  ])('%s', (row, words) => {
    const [issue, ...others] = issuesOf(withKeys(SEND, 'match:', `  ${DELIVERED}`, `  ${row}`));
    expect(issue).toContain(words);
    expect(issue).toMatch(/^chat\.yaml:9 /);
    expect(others).toEqual([]);
  });

  test('also where it recognizes the answer to a login', () => {
    const [issue] = issuesOf(withKeys(`loggedIn: { text: '[' }`, SEND, MATCH));
    expect(issue).toContain(`${AT}.loggedIn.text: is no regular expression`);
  });
});

describe('a value of the session that is wrong is told with its key', () => {
  const WELCOME = 'loggedIn: { json: { type: welcome }, capture: { token: data.token } }';

  test.each([
    [
      "heartbeat: '{{session.tokn}}'",
      `${AT}.heartbeat: {{session.tokn}} is captured by no matcher; did you mean token?`,
    ],
    [
      "subscribe: [a, '{{session.channel}}']",
      `${AT}.subscribe: {{session.channel}} is captured by no matcher; write capture: {channel: <path>} beside`,
    ],
    ["leave: '{{session}}'", `${AT}.leave: {{session}} is no variable here`],
    [
      'login: [a, { await: { json: { a: 1 }, captur: { b: c } } }]',
      `${AT}.login.1.await.captur: is not a known key`,
    ],
    [
      "login: [{ await: { text: '^(?<id>a)', capture: { b: c } } }]",
      `"c" is no named group of text: (?<c>…)`,
    ],
    ['login: [{ wait: 7 }]', `${AT}.login.0`],
    ['subscribed: { json: { a: 1 }, capture: {} }', `${AT}.subscribed.capture: must have at least one name`],
    [
      "subscribed: { json: { a: 1 }, capture: { 'a.b': c } }",
      'is no name; write letters, digits and _ alone',
    ],
  ])('%s', (key, words) => {
    expect(issuesOf(withKeys(WELCOME, key, SEND, MATCH)).join('\n')).toContain(words);
  });

  test('also in an answer, and in a row that would keep nothing', () => {
    const rows = (row: string): string =>
      issuesOf(withKeys(SEND, 'match:', `  ${DELIVERED}`, `  ${row}`)).join('\n');
    expect(rows("ping: { text: p, answer: '{{session.a}}' }")).toContain(
      `chat.yaml:9 ${AT}.match.ping: {{session.a}} is captured by no matcher`,
    );
    expect(rows('session: { json: { type: token } }')).toContain(
      `${AT}.match.session.capture: is missing; what is it to keep`,
    );
  });

  test('and taken where a matcher captures it, wherever that stands', () => {
    const uses = "heartbeat: '{{session.token}} {{session.more}} {{session.nonce}}'";
    const more = `match: { ${DELIVERED}, session: [{ json: { a: 1 }, capture: { more: b } }] }`;
    const login = 'login: [{ await: { json: { a: 1 }, capture: { nonce: b } } }, hello]';
    expect(issuesOf(withKeys(WELCOME, uses, login, SEND, more))).toEqual([]);
  });
});

describe('keys that do not go together are told', () => {
  test.each([
    [[SEND], `${AT}.match: is missing; how is a message recognized`],
    [[SEND, 'match: { ping: { text: x } }'], `${AT}.match.delivered: is missing`],
    [[MATCH], `${AT}.send: is missing; what does a client write`],
    [[SEND, MATCH, 'joined: { text: x }'], `${AT}.joined: answers join, which is missing`],
    [[SEND, MATCH, `join: '{{group}}'`], `${AT}.sendToGroup: is missing`],
    [[SEND, `match: { delivered: { text: '(?<bytes>.*)' } }`], 'write messages: binary'],
    [[SEND, MATCH, 'messages: binary', 'login: π'], `${AT}.login: has a character that is no byte`],
    [['preset: fenix'], `${AT}.preset: "fenix" is not one of echo, json-chat`],
    [[SEND, MATCH, 'sender: me'], `${AT}.sender: is not a known key`],
  ])('%j', (keys, words) => {
    expect(issuesOf(withKeys(...keys)).join('\n')).toContain(words);
  });
});

test.each([
  '^ACK (?<sequence>\\d+)$',
  '(?:abc)+',
  '(?:\\d\\d:)+x',
  '[(a+)+]*',
  '(?<a>x|y)z',
  '\\(a+\\)+',
  '(?<body>[A-Za-z0-9+/]+=*)$',
])('the pattern %s is taken', (pattern) => {
  expect(
    webSocketSettings({ send: '{{payload}}', match: { delivered: { text: `${pattern}(?<payload>)` } } }),
  ).toBeDefined();
});

test.each(PRESET_NAMES)(
  'the preset %s is right by the schema, and every key of it can be replaced',
  (preset) => {
    const settings = webSocketSettings({ preset });
    expect(settings.match.length).toBeGreaterThan(0);
    const changed = webSocketSettings({
      preset,
      heartbeat: 'beat',
      order: 'none',
      match: { ping: { text: 'p' } },
    });
    expect(changed).toMatchObject({ heartbeat: 'beat', send: settings.send, claims: { order: 'none' } });
    expect(changed.match.filter(({ means }) => means === 'ping')).toEqual([
      { means: 'ping', kind: 'text', text: 'p', capture: {}, fields: {}, answer: [] },
    ]);
  },
);

test('a key of a preset that is null goes away', () => {
  const settings = webSocketSettings({ preset: 'json-chat', heartbeat: null, match: { receipted: null } });
  expect(settings.heartbeat).toBeNull();
  expect(driver.promises(settings)).toMatchObject({ accepted: true, receipt: false });
});

test('promises follow from what the matchers recognize', () => {
  const plain = { send: '{{payload}}', match: { delivered: { text: '(?<payload>.*)' } } };
  expect(driver.promises(webSocketSettings(plain))).toEqual({
    accepted: false,
    receipt: false,
    groups: false,
    storesForAway: false,
    marksRedelivery: false,
    recognizesRepetitions: false,
    order: 'per-sender',
    delivery: 'at-most-once',
    recipient: 'partner',
  });
  expect(driver.promises(webSocketSettings({ preset: 'json-chat' }))).toMatchObject({
    accepted: true,
    receipt: true,
    groups: true,
    delivery: 'at-least-once',
  });
});

describe('a scenario asks for what the templates have words for', () => {
  const problemsOf = async (preset: string, ...overrides: string[]): Promise<string> => {
    const scenario = parseScenario(withKeys(`preset: ${preset}`), 'chat.yaml', overrides);
    if (scenario.target.kind !== 'external') throw new Error('embedded');
    return checkDriver(scenario, scenario.target.driver).then(
      () => '',
      (error: Error) => error.message,
    );
  };

  test('a gate on what no matcher tells is refused', async () => {
    expect(await problemsOf('echo', 'gates=["latency.accepted.p99 < 1s"]')).toContain(
      'websocket cannot tell when a message is accepted; leave the gate out',
    );
  });

  test('whoever is alone in a group needs words for its partner', async () => {
    const rooms = (count: number): Promise<string> =>
      problemsOf(
        'broadcast-room',
        `${AT}={preset: broadcast-room, sendToGroup: '{{group}} {{payload}}'}`,
        `clients.count=${count}`,
        'groups={members: 3, share: 100%}',
      );
    expect(await rooms(4)).toContain('groups.members: the last of 4 clients is alone in its group');
    // Without a partner it writes to nobody.
    expect(await rooms(7)).toBe('');
    expect(await rooms(6)).toBe('');
  });

  test('a room takes groups, and one of them where it has no name', async () => {
    expect(await problemsOf('broadcast-room')).toContain(`${AT}.send: is missing`);
    expect(await problemsOf('broadcast-room', 'groups={members: 40, share: 50%}')).toContain(
      'send: is missing',
    );
    expect(await problemsOf('broadcast-room', 'groups={members: 10}')).toContain(
      'groups.members: 10 of 40 clients are a group',
    );
    expect(await problemsOf('broadcast-room', 'groups={members: 40}')).toBe('');
  });

  test('a message in Base64 fits into the largest one', async () => {
    const large = ['messages.size=1MiB', `${AT}.largestMessage=1MiB`];
    expect(await problemsOf('json-chat', ...large)).toContain('largestMessage: messages.size takes');
    expect(await problemsOf('json-chat', 'messages.size=1MiB')).toBe('');
  });

  test('TCP carries no WebSocket messages', async () => {
    expect(await problemsOf('echo', 'target.addresses=[tcp://127.0.0.1:1]')).toContain(
      'websocket is not carried by tcp; write ws, wss',
    );
  });
});
