import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { statusOfError } from '../../cli/exit-status.js';
import { readSecretFile, readSecretInput, readYamlFile } from '../../cli/input-files.js';
import { readRange } from '../../cli/user-tokens.js';
import { readStats, reloadServer } from '../../lab/admin-client.js';
import { userToken } from '../../protocol/user-token.js';
import { loadScenario, parseScenario } from '../../scenarios/load.js';
import { recordFixture, writeRecordFolder } from '../fixtures/record.js';
import { testFolder } from '../support/folder.js';
import { c2mHere, type Ended } from './c2m.js';

const HEAD = 'name: chat\ntarget: embedded\nclients: { count: 10 }\nphases: [{ name: talk, duration: 1s }]\n';

/** Every alias stands for nine of the one before. */
const ALIAS_BOMB = `a: &a [x, x, x, x, x, x, x, x, x]\n${[...'bcdefghi']
  .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(', ')}]`)
  .join('\n')}\n`;

/** Files that nobody should have to read to the end, or could. */
const STRANGE: [what: string, make: (file: string) => unknown, words: string][] = [
  ['a pipe', (file) => execFileSync('mkfifo', [file]), 'it is a pipe or a device'],
  ['a device without an end', (file) => symlink('/dev/zero', file), 'it is a pipe or a device'],
  ['a folder', (file) => mkdir(file), ''],
  ['a huge file', (file) => execFileSync('truncate', ['-s', '8G', file]), 'it has more than 256 KiB'],
  ['three megabytes of [', (file) => writeFile(file, '['.repeat(3e6)), 'it has more than 256 KiB'],
  ['brackets in brackets', (file) => writeFile(file, '['.repeat(2e5)), 'nested more than 50 levels deep'],
  ['dashes behind dashes', (file) => writeFile(file, '- '.repeat(1e5)), 'nested more than 50 levels deep'],
  ['aliases of aliases', (file) => writeFile(file, ALIAS_BOMB), 'Excessive alias count'],
  ['an alias within itself', (file) => writeFile(file, 'a: &a [*a]\n'), 'nested more than 50 levels deep'],
  ['an alias of nothing', (file) => writeFile(file, 'a: *b\n'), 'Unresolved alias'],
  [
    'a map of very many keys',
    (file) => writeFile(file, Array.from({ length: 20_000 }, (_, key) => `k${key}: 1\n`).join('')),
    'has 20000 keys in one map',
  ],
  ['bytes that are no UTF-8', (file) => writeFile(file, Buffer.from([0xc3, 0x28])), 'is not text in UTF-8'],
];

function expectRefused({ status, stdout, stderr }: Ended, ...words: string[]): void {
  for (const each of words) expect(stderr).toContain(each);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stdout).toBe('');
  expect(status).toBe(2);
}

describe('input without an end or a bottom ends with 2, the name of the file and the reason', () => {
  test('as a scenario', async () => {
    for (const [, make, words] of STRANGE.filter(([what]) => what !== 'a folder')) {
      const file = join(testFolder(), 'strange.yaml');
      await make(file);
      const error = await loadScenario(file).catch((thrown: Error) => thrown);
      expect(error).toMatchObject({ code: 'C2M_SCENARIO' });
      expect((error as Error).message).toContain(file);
      expect((error as Error).message).toContain(words);
    }
  });

  test('as the configuration of a server, or its token', async () => {
    for (const [, make, words] of STRANGE) {
      const file = join(testFolder(), 'strange.yaml');
      await make(file);
      const error = await readYamlFile(file).catch((thrown: Error) => thrown);
      expect(statusOfError(error)).toBe(2);
      expect((error as Error).message).toContain(file);
      expect((error as Error).message).toContain(words);
    }
    const pipe = join(testFolder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(readSecretFile(pipe)).rejects.toThrow('it is a pipe or a device');
    await expect(readSecretFile('/dev/zero')).rejects.toThrow('it is a pipe or a device');
  });

  test('as a scenario or a record on the command line', async () => {
    const folder = testFolder();
    execFileSync('mkfifo', [join(folder, 'run.json')]);
    const file = join(folder, 'run.json');
    const ended = await Promise.all([
      c2mHere('run', file),
      c2mHere('report', folder),
      c2mHere('compare', folder, folder),
      c2mHere('serve', '--config', file),
      c2mHere('serve', '--token-file', file),
    ]);
    for (const each of ended) expectRefused(each, file, 'it is a pipe');
  });

  test.each([
    ['a gate of spaces', (text: string) => `gates: ["a ==${' '.repeat(2e5)}x y"]\n${text}`],
    ['a figure of digits', (text: string) => text.replace('1s', `"${'1'.repeat(2e5)}"`)],
    ['a figure of spaces', (text: string) => text.replace('1s', `"1s${' '.repeat(2e5)}x"`)],
    ['a key that is very long', (text: string) => `${'k'.repeat(2e5)}: 1\n${text}`],
    [
      'very many phases',
      (text: string) => text.replace(/phases: .*/, `phases: [${'{name: a}, '.repeat(2e4)}]`),
    ],
    [
      'very many actions',
      (text: string) =>
        `${text}actions: [${'{at: 0s, do: cut, share: 1%, every: 1s, times: 1000}, '.repeat(200)}]\n`,
    ],
  ])(
    '%s takes no time to refuse',
    (_, change) => {
      expect(() => parseScenario(change(HEAD), 'chat.yaml')).toThrow(/chat\.yaml:\d/);
    },
    20_000,
  );
});

describe('--set', () => {
  test.each([
    '__proto__.polluted=1',
    'target.embedded.__proto__.polluted=1',
    'constructor.prototype.polluted=1',
    'clients={__proto__: {polluted: 1}}',
    'toString=1',
    `${'a.'.repeat(1000)}a=1`,
    `clients=${'['.repeat(1e5)}`,
    'clients=*a',
  ])('%.60s changes no object but the scenario', (override) => {
    expect(() => parseScenario(HEAD, 'chat.yaml', [override])).toThrow(/^--set /);
    expect('polluted' in {}).toBe(false);
  });
});

test('settings of the server reach no object but themselves', () => {
  const override = 'target.embedded.settings.constructor.prototype.polluted=1';
  expect(parseScenario(HEAD, 'chat.yaml', [override]).target).toMatchObject({
    settings: { constructor: { prototype: { polluted: 1 } } },
  });
  expect('polluted' in {}).toBe(false);
});

test('names of files with control characters are shown, and not obeyed', async () => {
  const { stderr } = await c2mHere('run', 'no\u001b[2J\n::error::such\u202efile');
  expect(stderr).toMatch(/^no\\u001b\[2J ::error::such\\u202efile: there is no such scenario/);
});

test('an action past the end of the run is told at its line, together with all else that is wrong', () => {
  const text = `${HEAD.replace('10', 'ten')}actions:
  - { at: 0s, do: cut, share: 1% }
  - { at: 5s, do: cut, share: 1% }
  - at: 500ms
    do: cut
    share: 1%
    every: 1s
    times: 3
gates: [nothing]
`;
  expect(() => parseScenario(text, 'chat.yaml')).toThrow(
    [
      'chat.yaml:3 clients.count: "ten" is not a count; write a whole number, such as 5000 or 5_000',
      'chat.yaml:7 actions.1.at: cut at 5s comes after the last phase, which ends at 1s',
      'chat.yaml:12 actions.2.times: cut at 2.5s comes after the last phase, which ends at 1s',
      'chat.yaml:13 gates.0: ',
    ].join('\n'),
  );
});

describe('c2m run --out', () => {
  test('that cannot be a folder ends with 2', async () => {
    const file = join(testFolder(), 'file');
    await writeFile(file, '');
    expectRefused(await c2mHere('run', 'ci-smoke', '--out', file), file, 'choose another --out');
  });
});

describe('c2m token', () => {
  const secret = 'a secret of the server';

  test('prints what each user logs in with, and reads the secret from a file', async () => {
    const file = join(testFolder(), 'secret');
    await writeFile(file, `${secret}\n`);
    const { status, stdout, stderr } = await c2mHere('token', '7', '100-102', '--secret-file', file);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const lines = [7, 100, 101, 102].map((user) => `${user} ${userToken(secret, user)}\n`);
    expect(stdout).toBe(lines.join(''));
  });

  test('takes the secret from standard input, and no short one', async () => {
    const run = (input: string): string =>
      execFileSync(process.execPath, ['dist/cli/c2m.js', 'token', '7'], {
        input,
        encoding: 'utf8',
        stdio: 'pipe',
      });
    expect(run(secret)).toBe(`7 ${userToken(secret, 7)}\n`);
    expect(() => run('short')).toThrow('a server takes one of 16 or more');
    await expect(readSecretInput(Readable.from([]))).rejects.toThrow('standard input holds no secret');
    const endless = Readable.from(Array(1000).fill(Buffer.alloc(1024, 'x')));
    await expect(readSecretInput(endless)).rejects.toThrow('standard input has more than 16 KiB');
  });

  test.each(['x', '3-1', '7-', '1.5', '99999999999999999'])('refuses %s, which is no user', async (user) => {
    expect(() => readRange(user)).toThrow('is no user; write the number of one');
  });
});

test('c2m top and reload end with 2 where something else answers, or sends them elsewhere', async () => {
  const answers = ['{"schema":"c2m.stats/1"}', '[]', 'null', '{"version":7}', ''];
  const server = createServer((_, response) => {
    const answer = answers.shift();
    if (answer) response.end(answer);
    else response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const ask of [readStats, readStats, reloadServer, reloadServer, readStats]) {
    const error = await ask(url).catch((thrown: Error) => thrown);
    expect(statusOfError(error)).toBe(2);
    expect((error as Error).message).toContain(url);
  }
  server.close();
});

test('c2m report shows what a record says, and leaves the terminal alone', async () => {
  const folder = await writeRecordFolder(
    recordFixture((record) => {
      record.notes = ['\u001b]0;owned\u0007\u001b[2J\u009b2J\u202e'];
    }),
  );
  const both = await Promise.all([c2mHere('report', folder), c2mHere('compare', folder, folder, '--json')]);
  for (const { stdout, stderr } of both) {
    expect(stdout + stderr).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  }
  expect(both[0].stdout).toContain('\\u001b]0;owned\\u0007');
  expect(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8'))).toMatchObject({
    notes: ['\u001b]0;owned\u0007\u001b[2J\u009b2J\u202e'],
  });
});
