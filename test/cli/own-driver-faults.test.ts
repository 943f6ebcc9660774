import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../record/run.js';
import { exampleServer } from '../support/example-server.js';
import { testFolder } from '../support/folder.js';
import { c2m, c2mHere } from './c2m.js';

/** The lines of a codec that works: a test breaks one of them. */
const CODEC = [
  'export const driver = {',
  '  promises: { accepted: true },',
  '  settings: { parse: (value) => value },',
  '  create(settings, clients, events) {',
  '    const wordsOf = (line) => line.split(" ");',
  '    let sent = 0;',
  '    return {',
  '      opened(client, out) { out.writeText(`LOGIN ${clients.firstUser + client}\\n`); },',
  '      received(client, bytes, out) {',
  '        const lines = bytes.toString().split("\\n");',
  '        const rest = lines.pop();',
  '        for (const line of lines) {',
  '          const [word, body] = wordsOf(line);',
  '          if (word === "WELCOME") events.loggedIn(client);',
  '          if (word === "SENT") events.accepted(client, Number(body));',
  '          if (word === "MESSAGE") events.delivered(client, Buffer.from(body, "base64"), false);',
  '        }',
  '        return bytes.length - rest.length;',
  '      },',
  '      writeMessage(client, to, sequence, payload, out) {',
  '        sent += 1;',
  '        out.writeText(`SEND ${clients.firstUser + to} ${sequence} ${payload.toString("base64")}\\n`);',
  '      },',
  '    };',
  '  },',
  '};',
];

/** The same of an adapter. */
const ADAPTER = [
  `import { WebSocket } from ${JSON.stringify(import.meta.resolve('ws'))};`,
  'export const promises = { accepted: false };',
  'let sent = 0;',
  'export async function connect({ user, address }) {',
  '  const socket = new WebSocket(address);',
  '  await new Promise((resolve, reject) => { socket.on("open", resolve); socket.on("error", reject); });',
  '  const listeners = [];',
  '  socket.on("message", (data) => hear(String(data), listeners));',
  '  await new Promise((resolve) => { listeners.push((word) => word === "WELCOME" && resolve()); socket.send(`LOGIN ${user}`); });',
  '  return {',
  '    async send({ to, sequence, payload }) {',
  '      sent += 1;',
  '      socket.send(`SEND ${to} ${sequence} ${payload.toString("base64")}`);',
  '    },',
  '    onMessage(listener) { listeners.push((word, body) => word === "MESSAGE" && listener(Buffer.from(body, "base64"))); },',
  '    close() { socket.close(); },',
  '  };',
  '}',
  'function hear(text, listeners) {',
  '  const [word, body] = text.split(" ");',
  '  for (const each of listeners) each(word, body);',
  '}',
];

/** A driver with one line that is wrong, and where: in that line it is marked with «. */
interface Broken {
  text: string;
  /** `5:9` */
  place: string;
}

function broken(lines: readonly string[], of: string, by: string): Broken {
  const index = lines.findIndex((line) => line.includes(of));
  expect(index).toBeGreaterThanOrEqual(0);
  return {
    text: lines.with(index, by.replace('«', '')).join('\n'),
    place: `${index + 1}:${by.indexOf('«') + 1}`,
  };
}

const codec = (of: string, by: string): Broken => broken(CODEC, of, by);
const adapter = (of: string, by: string): Broken => broken(ADAPTER, of, by);

/** What a run with this driver says, and its record, if there is one. @param run in a process of its own, or in this one */
async function runWith(scheme: 'tcp' | 'ws' | 'nowhere', text: string, run = c2mHere) {
  const folder = testFolder();
  const file = join(folder, 'my driver.mjs');
  const out = join(folder, 'record');
  await writeFile(file, text);
  const scenario = {
    name: 'mine',
    target: { addresses: [await addressOf(scheme)], driver: './my driver.mjs' },
    clients: { count: 10, connectTimeout: '1s' },
    messages: { arrival: 'constant' },
    phases: [{ name: 'talk', duration: '1s', rate: '40/s' }],
    generator: { drain: '1s', lagLimit: '30s' },
  };
  await writeFile(join(folder, 'mine.yaml'), JSON.stringify(scenario));
  const ended = await run('run', join(folder, 'mine.yaml'), '--trust', '--out', out);
  const said = `${ended.stdout}${ended.stderr}`;
  const record = await readFile(join(out, 'run.json'), 'utf8').then(
    (json) => JSON.parse(json) as RunRecord,
    () => undefined,
  );
  return { ...ended, folder, file, said, record };
}

/** Of a server that is started for it; nobody is there where nothing gets as far as that. */
async function addressOf(scheme: 'tcp' | 'ws' | 'nowhere'): Promise<string> {
  return scheme === 'nowhere' ? 'tcp://127.0.0.1:9' : (await exampleServer())[scheme];
}

/** Nobody has to read where we were when it happened. */
function expectNoStack(said: string): void {
  expect(said).not.toMatch(/^\s+at /m);
  expect(said).not.toContain('node:internal');
  expect(said).not.toContain('agent-process');
}

test('the drivers that the tests break work as they are', async () => {
  for (const [scheme, lines] of [
    ['tcp', CODEC],
    ['ws', ADAPTER],
  ] as const) {
    const { status, stderr, record } = await runWith(scheme, lines.join('\n'));
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(record?.messages).toMatchObject({ sent: 40, delivered: 40, refused: 0 });
  }
});

describe('a driver that cannot be loaded is told with the place in its file, and nothing is started:', () => {
  test.each<[what: string, driver: Broken, words: string]>([
    ['a syntax error', codec('let sent', '    let sent = {«{ 0;'), ": SyntaxError: Unexpected token '{'"],
    [
      'what it does while it is loaded',
      codec('export const driver', 'const f = () => nothing.«at(0); export const driver = f() ?? {'),
      ' f(): ReferenceError: nothing is not defined',
    ],
    [
      'a mistake in the check of its settings',
      codec('settings: {', '  settings: { parse(value) { return value.room.«name; } },'),
      " parse(): TypeError: Cannot read properties of undefined (reading 'name')",
    ],
    [
      'a syntax error of an adapter',
      adapter('let sent', 'let sent = 0 «0;'),
      ': SyntaxError: Unexpected number',
    ],
  ])('%s', async (_, { text, place }, words) => {
    const { status, stderr, file } = await runWith('nowhere', text);
    expect(stderr).toContain(`${file}:${place}${words}\n`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^target\.driver: /);
    expectNoStack(stderr);
    expect(status).toBe(2);
  });

  test('a file that ends too early', async () => {
    const { stderr, file } = await runWith('nowhere', 'export const driver = {');
    expect(stderr).toContain(`${file}:1:24: SyntaxError: Unexpected end of input\n`);
  });

  test('a syntax error in a file that one of its files imports', async () => {
    const folder = testFolder();
    const lib = join(folder, 'lib');
    await mkdir(lib);
    await writeFile(join(lib, 'words.mjs'), 'export const WORD = "A";\nexport const = 7;\n');
    await writeFile(join(lib, 'between.mjs'), `export * from './words.mjs';\n`);
    await writeFile(join(folder, 'driver.mjs'), `import './lib/between.mjs';\n${CODEC.join('\n')}`);
    const { stderr, status } = await c2mHere(
      ...['driver', 'test', 'tcp://127.0.0.1:9', '--driver', join(folder, 'driver.mjs')],
    );
    expect(stderr).toContain(`${join(lib, 'words.mjs')}:2:14: SyntaxError: Unexpected token '='\n`);
    expect(status).toBe(2);
  });

  test('an import that leads nowhere', async () => {
    const text = ["import 'no-such-package-at-all';", ...CODEC].join('\n');
    const { stderr, file, status } = await runWith('nowhere', text);
    expect(stderr).toBe(
      `target.driver: ${file} cannot be loaded: Cannot find package 'no-such-package-at-all' imported from ${file}\n`,
    );
    expect(status).toBe(2);
  });
});

describe('a codec that throws is told by place and function before anything is loaded:', () => {
  test.each<[what: string, driver: Broken, words: string]>([
    [
      'create',
      codec('let sent', '    let sent = clients.none.«zero;'),
      " create(): TypeError: Cannot read properties of undefined (reading 'zero')",
    ],
    [
      'opened',
      codec('opened(client', '      opened(client, out) { out.«print(1); },'),
      ' opened(): TypeError: out.print is not a function',
    ],
    [
      'what received calls',
      codec('const wordsOf', '    const wordsOf = (line) => line.first.«word;'),
      " wordsOf(), called by received(): TypeError: Cannot read properties of undefined (reading 'word')",
    ],
    [
      'writeMessage',
      codec('sent += 1', '        throw «new Error("no room for it");'),
      ' writeMessage(): no room for it',
    ],
    [
      'a promise that nobody handles',
      codec(
        'opened(client',
        '      opened(client, out) { (async function later() { await 1; client.x.«y; })(); },',
      ),
      " later(): TypeError: Cannot read properties of undefined (reading 'y')",
    ],
    ['what is no Error', codec('opened(client', '      opened(client, out) { throw "no «way"; },'), ''],
  ])('%s', async (what, { text, place }, words) => {
    const run = what === 'a promise that nobody handles' ? c2m : c2mHere;
    const { status, stderr, file, record } = await runWith('tcp', text, run);
    expect(stderr).toBe(
      words === ''
        ? `target.driver: no way, thrown without an Error around it (its stack names no line of ${file})\n`
        : `target.driver: ${file}:${place}${words}\n`,
    );
    expect(status).toBe(1);
    expect(record).toBeUndefined();
  });

  test('also by c2m driver test', async () => {
    const { text, place } = codec('opened(client', '      opened(client, out) { out.«print(1); },');
    const file = join(testFolder(), 'driver.mjs');
    await writeFile(file, text);
    const { tcp } = await exampleServer();
    const { stderr, status } = await c2mHere('driver', 'test', tcp, '--driver', file);
    expect(stderr).toBe(`target.driver: ${file}:${place} opened(): TypeError: out.print is not a function\n`);
    expect(status).toBe(1);
  });
});

describe('a driver that throws in the middle of a run ends it, and terminal and record say where:', () => {
  test.each<[what: string, scheme: 'tcp' | 'ws', driver: Broken, words: string]>([
    [
      'a codec in writeMessage',
      'tcp',
      codec('sent += 1', '        if ((sent += 1) > 3) payload.«toBase46();'),
      ' writeMessage(): TypeError: payload.toBase46 is not a function',
    ],
    [
      'an adapter in what its library calls',
      'ws',
      adapter(
        'for (const each',
        '  for (const each of listeners) each(word, word === "MESSAGE" && many() ? body.none.«x : body);',
      ),
      ' hear()',
    ],
    [
      'an adapter in a promise that nobody handles',
      'ws',
      adapter(
        'sent += 1',
        '      if ((sent += 1) > 3) void (async function later() { await 1; return payload.none.«x; })();',
      ),
      ' later()',
    ],
  ])('%s', async (_, scheme, { text, place }, words) => {
    const many = '\nlet heard = 0;\nfunction many() { heard += 1; return heard > 3; }\n';
    const { status, said, file, record } = await runWith(scheme, text + many);
    const told = `cannot go on: target.driver: ${file}:${place}${words}`;
    expect(said).toContain(told);
    expectNoStack(said);
    expect(status).toBe(1);
    expect(record).toMatchObject({
      verdict: 'invalid',
      generator: { faults: [expect.stringContaining(told)] },
    });
  });
});

describe('an adapter whose promises are rejected says where, and the reasons in the record do:', () => {
  /** In place of the first line of connect, for those clients of whom that is true. */
  const failing = (who: string, by: string): Broken =>
    adapter('const socket', `  if (${who}) ${by}; const socket = new WebSocket(address);`);

  test.each<[what: string, by: string, words: string, isPlaced: boolean]>([
    ['by a mistake', 'address.none.«x()', "Cannot read properties of undefined (reading 'x')", true],
    ['by an error', 'throw «new Error("no user today")', 'no user today', true],
    ['on purpose, by a word', 'throw new Error("NotToday")', 'NotToday', false],
    [
      'on purpose, by a code',
      'throw Object.assign(new Error("x y"), { code: "E_CLOSED" })',
      'E_CLOSED',
      false,
    ],
  ])('%s', async (_, by, words, isPlaced) => {
    const { text, place } = failing('user > 4', by);
    const { said, record } = await runWith('ws', text);
    expectNoStack(said);
    const reason = isPlaced ? `${words} (my driver.mjs:${place} connect())` : words;
    expect(Object.keys(record?.connections.failures ?? {})).toEqual([reason]);
  });

  test('and so does the first contact, where nobody can log in', async () => {
    const { text, place } = failing('true', 'throw «new Error("no user today")');
    const { stderr, status, record } = await runWith('ws', text);
    expect(stderr).toContain(
      `the first client could not log in: no user today (my driver.mjs:${place} connect())\n`,
    );
    expectNoStack(stderr);
    expect(status).toBe(1);
    expect(record).toBeUndefined();
  });

  test('and those of messages', async () => {
    const { text, place } = adapter('sent += 1', '      if ((sent += 1) > 1) payload.none.«x();');
    const { record } = await runWith('ws', text);
    expect(record?.refusals).toEqual({
      [`Cannot read properties of undefined (reading 'x') (my driver.mjs:${place} send())`]: 39,
    });
  });
});
