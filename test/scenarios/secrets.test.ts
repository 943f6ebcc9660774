import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { hideToken, tokenHider } from '../../lab/hide-token.js';
import type { Measurement } from '../../record/run.js';
import { parseScenario } from '../../scenarios/load.js';
import { hideInYaml, secretsInSource } from '../../scenarios/secrets.js';
import { recordFixture } from '../fixtures/record.js';

const TOKEN = 'correct-horse-battery';

function scenarioWith(token: string, more = ''): string {
  return `name: chat
${more}target:
  addresses: [tcp://127.0.0.1:4000]
  token: ${token}
clients: { count: 10 } # ten
phases: [{ name: talk, duration: 1s }]
`;
}

const { gates: _gates, verdict: _verdict, ...FIGURES } = recordFixture().record;

/** What a run of this scenario would record. */
function recorded(source: string, overrides: string[] = []): Measurement {
  const scenario = parseScenario(source, 'chat.yaml', overrides);
  return hideToken({
    ...FIGURES,
    name: scenario.name,
    description: scenario.description,
    phases: [],
    scenario: { file: 'chat.yaml', source, overrides, resolved: { ...scenario } },
    isPartial: false,
  });
}

/** All that anybody could read out of a text: its bytes, and what YAML makes of each scalar and each comment in it. */
function readingsOf(record: Measurement): string[] {
  const { source, overrides } = record.scenario;
  const decoded = [source, ...overrides].map((text) => JSON.stringify(parse(text.replace(/^[^=\s]*=/, ''))));
  const comments = [...source.matchAll(/#\s*(?:\w+:)?\s*(.*)/g)].map(([, comment = '']) => {
    try {
      return JSON.stringify(parse(comment));
    } catch {
      return comment;
    }
  });
  return [JSON.stringify(record), ...decoded, ...comments];
}

function expectHidden(record: Measurement, token: string): void {
  for (const reading of readingsOf(record)) {
    expect(reading).not.toContain(token);
    expect(reading).not.toContain(JSON.stringify(token).slice(1, -1));
  }
}

describe('the record never holds the token', () => {
  const escaped = `"${[...TOKEN].map((letter) => `\\x${letter.charCodeAt(0).toString(16)}`).join('')}"`;

  test.each<[how: string, source: string, overrides?: string[]]>([
    ['plain', scenarioWith(TOKEN)],
    ['in single quotes', scenarioWith(`'${TOKEN}'`)],
    ['with hexadecimal escapes', scenarioWith(escaped)],
    ['with one escape', scenarioWith('"\\x63orrect-horse-battery"')],
    ['with escapes of sixteen bits', scenarioWith('"correct\\u002dhorse-battery"')],
    ['over two lines', scenarioWith('"correct-\\\n    horse-battery"')],
    ['as a literal block', scenarioWith('|-\n    correct-horse-battery')],
    ['as a folded block with a line end', scenarioWith('>\n    correct-horse-battery')],
    ['behind an alias', scenarioWith('*t', `description: &t ${escaped}\n`)],
    ['with an anchor of its own name', scenarioWith(`&${TOKEN} ${TOKEN}`)],
    ['with a tag', scenarioWith(`!!str ${TOKEN}`)],
    ['with a tag that holds it too', scenarioWith(`!%63orrect-horse-battery ${TOKEN}`)],
    ['in a comment', scenarioWith(TOKEN, `# was token: ${TOKEN}\n`)],
    ['in a comment, with escapes', scenarioWith(TOKEN, `# token: ${escaped}\n`)],
    ['in the description', scenarioWith(TOKEN, `description: "not \\x63orrect-horse-battery again"\n`)],
    ['as JSON', JSON.stringify(parse(scenarioWith(TOKEN)))],
    ['by --set', scenarioWith('another-token'), [`target.token=${TOKEN}`]],
    ['by --set, with escapes', scenarioWith('another-token'), [`target.token=${escaped}`]],
    [
      'by --set of the whole target',
      scenarioWith('another-token'),
      [`target={addresses: ["tcp://127.0.0.1:1"], token: ${escaped}}`],
    ],
    ['where --set has put another in its place', scenarioWith(escaped), ['target.token=another-token']],
    ['where --set has taken the target away', scenarioWith(escaped), ['target=tcp://127.0.0.1:1']],
    [
      'where one --set has replaced another',
      scenarioWith('another-token'),
      [`target.token=${escaped}`, 'target.token=another-token'],
    ],
  ])('%s', (_, source, overrides) => {
    const record = recorded(source, overrides);
    expectHidden(record, TOKEN);
    expectHidden(record, 'another-token');
  });

  test('in the settings of the embedded server, in flow and in block style', () => {
    for (const target of [
      `{ embedded: { settings: { token: ${escaped} } } }`,
      `\n  embedded:\n    settings:\n      token: |-\n        ${TOKEN}\n      limits: { mailboxLength: 5 }`,
    ]) {
      const source = `name: chat\ntarget: ${target}\nclients: { count: 10 }\nphases: [{ name: talk, duration: 1s }]\n`;
      const record = recorded(source);
      expectHidden(record, TOKEN);
      expect(record.scenario.source).toContain('phases: [{ name: talk, duration: 1s }]');
    }
  });

  test('in a file that the scenario extends, or where a variable of the environment has put it', () => {
    const record = recorded(scenarioWith('another-token', `description: of ${TOKEN} alone\n`));
    const scenario = {
      ...record.scenario,
      bases: [{ file: 'base.yaml', source: scenarioWith(TOKEN) }],
    };
    expectHidden(tokenHider(scenario)({ ...record, scenario }), TOKEN);
    // Of a variable the text holds the name alone.
    const named = {
      ...record.scenario,
      resolved: { ...record.scenario.resolved, description: `of ${TOKEN}` },
    };
    expectHidden(tokenHider(named, [TOKEN])({ ...record, description: `of ${TOKEN}` }), TOKEN);
  });

  test('whatever it is, and however each of its characters is written', () => {
    const way = fc.constantFrom('plain', 'x', 'u', 'U');
    const token = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom(...'"\'\\#:{}[]|>&*!%@`, \t-?~…é<'),
          fc.string({ minLength: 1, maxLength: 1 }),
        ),
        minLength: 8,
        maxLength: 24,
      })
      // `${` begins a variable of the environment: environment.test.ts.
      .filter((text) => text.trim() === text && text.length >= 8 && !text.includes('${'));
    fc.assert(
      fc.property(
        token,
        fc.array(way, { minLength: 24, maxLength: 24 }),
        fc.boolean(),
        (secret, ways, isSet) => {
          const written = `"${[...secret].map((letter, index) => writtenAs(letter, ways[index] ?? 'x')).join('')}"`;
          const comment = `# token: ${written.replaceAll('\n', ' ')}\n`;
          const source = isSet ? scenarioWith('another-token', comment) : scenarioWith(written, comment);
          expectHidden(recorded(source, isSet ? [`target.token=${written}`] : []), secret);
        },
      ),
      { numRuns: 150 },
    );
  });
});

function writtenAs(letter: string, way: string): string {
  const code = letter.codePointAt(0) as number;
  const hex = (digits: number): string => code.toString(16).padStart(digits, '0');
  if (way === 'U' || code > 0xffff) return `\\U${hex(8)}`;
  if (way === 'u' || code > 0xff) return `\\u${hex(4)}`;
  const isPlain = way === 'plain' && code >= 0x20 && code < 0x7f && letter !== '"' && letter !== '\\';
  return isPlain ? letter : `\\x${hex(2)}`;
}

test('what is no secret stays as it was written, line for line', () => {
  const source = scenarioWith(TOKEN);
  expect(hideInYaml(source, secretsInSource(source, []))).toBe(
    source.replace(TOKEN, '…').replace('# ten', '# …'),
  );
  const without = 'name: chat # a comment\n';
  expect(hideInYaml(without, secretsInSource(without, []))).toBe(without);
});

describe('where a token will stand is no token', () => {
  const captures = `name: chat
target:
  addresses: [ws://127.0.0.1:8080]
  driver:
    websocket:
      token: ${TOKEN}
      login: [{ await: { json: { type: challenge }, capture: { secret: challenge } } }]
      loggedIn: { json: { type: welcome }, capture: { token: body.session } }
      send: '{{session.token}} {{payload}}'
      match:
        delivered: { json: { type: message }, payload: body }
        session: [{ json: { type: more }, capture: { password: body.session } }]
clients: { count: 10 }
phases: [{ name: talk, duration: 1s }]
`;

  test('so paths of captures stay, and words like them elsewhere', () => {
    const record = recorded(captures);
    expectHidden(record, TOKEN);
    expect(record.scenario.source).toBe(captures.replace(TOKEN, '…'));
    const { target } = record.scenario.resolved as { target: { driver: { settings: object } } };
    expect(target.driver.settings).toMatchObject({
      token: '…',
      loggedIn: { json: { type: ['welcome'] }, capture: { token: 'body.session' } },
    });
  });

  test('except in the settings of a driver of somebody’s own, of which nobody knows what they mean', () => {
    const own = (value: string): string => `name: chat
target:
  addresses: [tcp://127.0.0.1:4000]
  driver: { own: { file: a.js, settings: { match: { capture: { token: ${value} } } } } }
clients: { count: 10 }
phases: [{ name: talk, duration: 1s }]
`;
    const record = recorded(own(TOKEN));
    expectHidden(record, TOKEN);
    expect(record.scenario.source).toBe(own('…'));
  });
});

test('a name that holds the token is refused, as names are told in the record', () => {
  expect(() => parseScenario(scenarioWith('talk'), 'chat.yaml')).toThrow(
    'chat.yaml:6 phases.0.name: holds a secret, and names are told in the record; write another',
  );
});

describe('the record never holds', () => {
  const withTarget = (target: string): string => `name: chat
target: # of ours
${target.replace(/^/gm, '  ')}
clients: { count: 10 }
phases: [{ name: talk, duration: 1s }]
`;
  const DSN = 'postgres://app:hunter2-hunter2@db.internal/chat';

  test.each<[what: string, source: string, overrides: string[], secrets: string[]]>([
    [
      'headers of the upgrade',
      withTarget(`addresses: [ws://127.0.0.1:1/chat]
websocket:
  headers: { Authorization: Bearer eyJhbGciOi.J9, Cookie: "sid=9f8e7d6c5b; theme=dark", X-Api-Key: k-42-k-42, X-Who: anna }`),
      [],
      ['eyJhbGciOi.J9', '9f8e7d6c5b', 'k-42-k-42', 'anna'],
    ],
    [
      'headers that --set gives as a map, and one by one',
      withTarget('addresses: [ws://127.0.0.1:1/chat]'),
      [
        'target.websocket.headers={Authorization: Bearer eyJhbGciOi.J9, X-Who: anna}',
        'target.websocket.headers.X-Who=bert',
        'target.websocket={headers: {X-Who: carl}}',
      ],
      ['eyJhbGciOi.J9', 'anna', 'bert', 'carl'],
    ],
    [
      'values in the query of an address, written or set',
      withTarget('addresses: ["ws://127.0.0.1:1/chat?access_token=s3cr3t-s3cr3t&room=lobby"]'),
      ['target.addresses=[ws://127.0.0.1:1/chat?key=abcd, ws://127.0.0.1:1/chat?bare-bare]'],
      ['s3cr3t-s3cr3t', 'abcd', 'bare-bare', 'lobby'],
    ],
    [
      'values of variables, short ones and figures too',
      withTarget(`addresses: [ws://127.0.0.1:1/chat]
command:
  run: [server, --db, "${DSN}"]
  env:
    API_KEY: k-42-k-42
    AUTHORIZATION: Basic dXNlcjpwYXNz
    DATABASE_URL: ${DSN}
    LOG: quiet
    WORKERS: 12345
    DEBUG: true`),
      ['target.command.env.MORE=loud', 'target.command.env={LICENSE: a-license-of-ours}'],
      ['k-42-k-42', 'dXNlcjpwYXNz', 'hunter2-hunter2', 'quiet', '12345', 'true', 'loud', 'a-license-of-ours'],
    ],
  ])('%s', (_, source, overrides, secrets) => {
    const { scenario, description, notes } = recorded(source, overrides);
    const { websocket: _websocket, ...target } = scenario.resolved.target as Record<string, unknown>;
    const written = [scenario.source, ...scenario.overrides, description, ...notes].join('\n');
    for (const secret of secrets) {
      expect(written).not.toContain(secret);
      expect(JSON.stringify({ ...target, insecure: 0, tokenPerUser: 0 })).not.toContain(secret);
      expect(JSON.stringify(_websocket)).not.toContain(secret);
    }
    expect(scenario.source).toContain('clients: { count: 10 }');
    expect(() => parse(scenario.source)).not.toThrow();
  });

  test('more than it must hide: names of headers, variables and parameters stay, and so do host and path', () => {
    const source = withTarget(`addresses: [ws://127.0.0.1:1/chat?access_token=s3cr3t-s3cr3t]
command: { run: server, env: { LOG: quiet, PORT: 1 } }
websocket: { headers: { Origin: https://example.org, X-Who: anna } }`);
    expect(recorded(source).scenario.source).toBe(
      withTarget(`addresses: ["ws://127.0.0.1:1/chat?access_token=…"]
command: { run: server, env: { LOG: …, PORT: … } }
websocket: { headers: { Origin: https://example.org, X-Who: … } }`).replace('# of ours', '# …'),
    );
  });

  test('what is short or common at its key alone: other text that it stands in stays', () => {
    const source = scenarioWith('abc', 'description: abc 8080 true quiet\n').replace(
      '  token: abc',
      '  token: abc\n  command: { run: server 8080, env: { PASSWORD: 8080, SECRET: "true", LOG: quiet } }',
    );
    const { scenario, description } = recorded(source);
    expect(description).toBe('abc 8080 true quiet');
    expect(scenario.source).toContain('token: …');
    expect(scenario.source).toContain('{ run: server 8080, env: { PASSWORD: …, SECRET: …, LOG: … } }');
    expect(scenario.resolved.target).toMatchObject({ token: '…', command: { run: ['server', '8080'] } });
  });

  test.each(['token', 'passwd', 'PWD', 'apiKey', 'api-key', 'credentials', 'SENTRY_DSN', 'jwt', 'bearer'])(
    'what stands at a key such as %s',
    (key) => {
      const source = `driver: { own: { file: a.js, settings: { ${key}: swordfish, list: [swordfish] } } }`;
      const { scenario } = recorded(withTarget(`addresses: [tcp://127.0.0.1:1]\n${source}`));
      expect(JSON.stringify(scenario)).not.toContain('swordfish');
    },
  );
});
