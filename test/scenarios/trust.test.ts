import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadScenario, parseScenario } from '../../scenarios/load.js';
import { listShippedScenarios } from '../../scenarios/shipped.js';
import { testFolder } from '../support/folder.js';

function scenario(target: string, more = ''): string {
  return `name: chat
target: ${target}
clients: { count: 10 }
phases: [{ name: talk, duration: 10s }]
${more}`;
}

async function messageOf(text: string, isTrusted = false): Promise<string> {
  const folder = testFolder();
  await writeFile(join(folder, 'mine.mjs'), '');
  const file = join(folder, 'chat.yaml');
  await writeFile(file, text);
  return loadScenario(file, [], { isTrusted }).then(
    () => '',
    (error: Error) => error.message.replaceAll(`${folder}/`, ''),
  );
}

describe('a scenario from a stranger, without --trust', () => {
  const settings = (text: string): string => scenario(`{ embedded: { settings: ${text} } }`);

  test.each([
    [
      'runs no code as handlers of the server',
      settings('{ handlers: mine.mjs }'),
      'runs the code in "mine.mjs"',
    ],
    [
      'runs no code by an action',
      scenario(
        'embedded',
        'actions:\n  - { at: 1s, do: cut, share: 1% }\n  - { at: 2s, do: reload, handlers: mine.mjs }\n',
      ),
      'chat.yaml:7 actions.1.handlers: runs the code in "mine.mjs"',
    ],
    [
      'does not listen beyond this machine',
      settings('{ listen: ["tcp://0.0.0.0:0"], token: sixteen-characters }'),
      '"tcp://0.0.0.0:0" lets the server listen beyond',
    ],
    [
      'nor does its media port',
      settings('{ media: { host: 0.0.0.0 }, token: sixteen-characters }'),
      'lets the server listen beyond',
    ],
    [
      'nor on an address in parts',
      settings('{ listen: [{ protocol: tcp, host: "::", port: 0 }] }'),
      '"::" lets the server listen beyond',
    ],
    [
      'has no file read as a key',
      settings('{ tls: { keyFile: /dev/zero, certFile: /dev/zero } }'),
      'may name a file',
    ],
    ['names no folder of mailboxes', settings('{ lmdb: { folder: /tmp/elsewhere } }'), 'may name a file'],
    ['names no folder of media', settings('{ media: { folder: /tmp/elsewhere } }'), 'may name a file'],
  ])('%s', async (_, text, words) => {
    const message = await messageOf(text);
    expect(message).toContain(words);
    expect(message).toContain('give --trust if you know whose scenario this is');
    expect(await messageOf(text, true)).toBe('');
  });

  test('sets limits, levels and tokens as it likes', async () => {
    const text = settings(
      '{ limits: { mailboxLength: 5 }, logLevel: warn, token: sixteen-characters, listen: ["tcp://127.0.0.1:0", "tcp://[::1]:0"] }',
    );
    expect(await messageOf(text)).toBe('');
  });

  test('does not pass its own code for that of the lab by a link or by the name of a folder', async () => {
    const folder = testFolder();
    await mkdir(join(folder, 'scenarios', 'handlers'), { recursive: true });
    await writeFile(join(folder, 'scenarios', 'handlers', 'version-2.mjs'), '');
    const action = 'actions: [{ at: 1s, do: reload, handlers: handlers/version-2.mjs }]\n';
    const file = join(folder, 'scenarios', 'chat.yaml');
    await writeFile(file, scenario('embedded', action));
    await expect(loadScenario(file)).rejects.toThrow('runs the code in');
    await symlink(join(process.cwd(), 'scenarios', 'handlers'), join(folder, 'handlers'));
    await writeFile(join(folder, 'chat.yaml'), scenario('embedded', action));
    await expect(loadScenario(join(folder, 'chat.yaml'))).resolves.toBeDefined();
  });
});

test('what ships needs no trust', async () => {
  for (const { name } of await listShippedScenarios())
    await expect(loadScenario(name)).resolves.toBeDefined();
});

test('handlers that are no file are told with their line, before anything is copied from them', async () => {
  const folder = testFolder();
  execFileSync('mkfifo', [join(folder, 'pipe.mjs')]);
  const file = join(folder, 'chat.yaml');
  for (const handlers of ['pipe.mjs', 'not-there.mjs', '.']) {
    await writeFile(file, scenario('embedded', `actions: [{ at: 1s, do: reload, handlers: ${handlers} }]\n`));
    await expect(loadScenario(file, [], { isTrusted: true })).rejects.toThrow(
      /chat\.yaml:5 actions\.0\.handlers: .* is no file; write a path from the scenario’s folder/,
    );
  }
});

describe('load, and the token, go nowhere that target.allow does not name', () => {
  const targetOf = (keys: string) => () =>
    parseScenario(scenario(`{ addresses: ["tcp://127.0.0.1:4000"], token: sesame, ${keys} }`), 'chat.yaml');

  test.each([
    ['media: "http://192.0.2.7:9465"', 'chat.yaml:2 target.media: 192.0.2.7 is another machine'],
    ['media: "http://127.0.0.1@evil.example:9465"', 'target.media: must not name a user or a password'],
    ['media: "http://localhost.evil.example"', 'target.media: localhost.evil.example is another machine'],
    ['media: "http://[2001:db8::1]:80"', 'allow: ["2001:db8::1"]'],
    ['admin: "http://metadata.example/"', 'chat.yaml:2 target.admin: metadata.example is another machine'],
    [
      'admin: "http://127.0.0.1:1", media: "http://a.example", allow: [b.example]',
      'target.media: a.example is',
    ],
  ])('%s', (keys, words) => {
    expect(targetOf(keys)).toThrow(words);
  });

  test.each([
    'media: "http://127.1:9465"',
    'media: "http://[::1]:9465", admin: "http://localhost:9464"',
    'media: "http://Media.Example:80", allow: [media.example]',
    'admin: "http://[2001:db8::1]:80", allow: ["[2001:DB8::1]"]',
  ])('%s is allowed', (keys) => {
    expect(targetOf(keys)).not.toThrow();
  });

  test('also where --set says so', () => {
    const external = scenario('{ addresses: ["tcp://127.0.0.1:4000"] }');
    expect(() => parseScenario(external, 'chat.yaml', ['target.media=http://192.0.2.7:80'])).toThrow(
      '--set target.media=http://192.0.2.7:80: 192.0.2.7 is another machine',
    );
  });

  test('an address that is none is told once', () => {
    expect(() => parseScenario(scenario('{ addresses: ["tcp:/127.0.0.1"] }'), 'chat.yaml')).toThrow(
      /^chat\.yaml:2 target\.addresses\.0: "tcp:\/127\.0\.0\.1" is not an address; [^\n]*$/,
    );
  });
});
