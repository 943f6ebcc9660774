import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadScenario, parseScenario } from '../../scenarios/load.js';
import { loadCells } from '../../scenarios/matrix.js';
import { testFolder } from '../support/folder.js';

beforeEach(() => {
  vi.stubEnv('C2M_COUNT', '25');
  vi.stubEnv('C2M_RATE', '40');
  vi.stubEnv('C2M_TOKEN', 'a-secret-of-the-environment');
  vi.stubEnv('C2M_DIGITS', '123456');
  vi.stubEnv('C2M_SWITCH', 'true');
  vi.stubEnv('C2M_EMPTY', '');
  vi.stubEnv('C2M_WILD', '[1, 2]: {x}');
  vi.stubEnv('HOME_SECRET', 'of this user');
});
afterEach(() => vi.unstubAllEnvs());

const scenarioWith = (target: string, clients = '{ count: 10 }'): string =>
  `name: chat\ntarget: ${target}\nclients: ${clients}\nphases: [{ name: talk, duration: 1s, rate: "\${C2M_RATE}/s" }]\n`;

const parse = (text: string, ...overrides: string[]) => parseScenario(text, 'chat.yaml', overrides);

describe('a variable of the environment in a value', () => {
  test('is a figure, a switch or a text, as the key wants it', () => {
    const scenario = parse(
      scenarioWith(
        '{ addresses: [tcp://127.0.0.1:4000], token: "${C2M_DIGITS}", insecure: "${C2M_SWITCH}", pid: "${C2M_COUNT}" }',
        '\n  count: ${C2M_COUNT}\n  heartbeat: ${C2M_COUNT}s',
      ),
    );
    expect(scenario).toMatchObject({
      clients: { count: 25, heartbeatMs: 25_000 },
      phases: [{ messageRate: 40 }],
      // A password of digits is a password.
      target: { token: '123456', insecure: true, processes: { pid: 25 } },
    });
  });

  test('is so behind an alias as well', () => {
    const target = '{ addresses: [tcp://127.0.0.1:4000], token: *digits, pid: *count }';
    const clients = '&of\n  count: &count ${C2M_COUNT}';
    const text = scenarioWith(target, clients).replace(
      'name: chat',
      'name: chat\ndescription: &digits ${C2M_DIGITS}',
    );
    const [name, description, where, ...rest] = text.split('\n');
    expect(parse([name, description, ...rest.slice(0, 2), where, ...rest.slice(2)].join('\n'))).toMatchObject(
      {
        description: '123456',
        target: { token: '123456', processes: { pid: 25 } },
      },
    );
    const twice = `name: chat
description: { a: &both ["x", "\${C2M_DIGITS}"] }
target: { addresses: *both }`;
    // Each place is known by its own path.
    expect(() => parse(twice)).toThrow(/target\.addresses\.1/);
  });

  test('has a default, also where it is set to nothing, and is escaped by a second $', () => {
    const scenario = parse(
      `description: "\${C2M_NONE:-nobody} \${C2M_EMPTY:-here} \${C2M_NONE:-} $\${C2M_COUNT}"\n${scenarioWith('embedded', '{ count: "${C2M_NONE:-12}" }')}`,
    );
    expect(scenario).toMatchObject({ description: 'nobody here  ${C2M_COUNT}', clients: { count: 12 } });
  });

  test('stays one text, whatever it holds', () => {
    const text = scenarioWith('{ addresses: [tcp://127.0.0.1:4000], token: "${C2M_WILD}" }');
    expect(parse(text).target).toMatchObject({ token: '[1, 2]: {x}' });
  });

  test('stands in --set as well', () => {
    expect(parse(scenarioWith('embedded'), 'clients.count=${C2M_COUNT}').clients.count).toBe(25);
    expect(() => parse(scenarioWith('embedded'), 'clients.count=${C2M_NONE}')).toThrow(
      '--set clients.count=${C2M_NONE}: the variable C2M_NONE is not set',
    );
  });

  test('is named with its line where it is not set, and so is what names none', () => {
    const thrown = (text: string): string => {
      try {
        parse(text);
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    const problems = thrown(
      scenarioWith(
        'embedded',
        '\n  count: ${C2M_NONE}\n  heartbeat: ${C2M-TIME}\n  connectRate: ${C2M_OTHER}/s',
      ),
    );
    expect(problems.split('\n')).toEqual([
      expect.stringMatching(
        /^chat\.yaml:4 clients\.count: the variable C2M_NONE is not set; set it .*\$\{C2M_NONE:-…\}$/,
      ),
      expect.stringMatching(/^chat\.yaml:5 clients\.heartbeat: has \$\{ with no variable behind it/),
      expect.stringMatching(/^chat\.yaml:6 clients\.connectRate: the variable C2M_OTHER is not set/),
    ]);
    expect(thrown(scenarioWith('embedded', '{ count: ${C2M_COUNT} }'))).toBe(
      'chat.yaml:3: is not YAML: between braces a variable needs quotes, such as { count: "${COUNT}" }',
    );
    expect(thrown(scenarioWith('embedded', '{ count: "1${C2M_SWITCH}" }'))).toMatch(
      /^chat\.yaml:3 clients\.count: "1true" is not a count/,
    );
  });
});

async function load(text: string, isTrusted = false) {
  const file = join(testFolder(), 'chat.yaml');
  await writeFile(file, text);
  return loadScenario(file, [], { isTrusted });
}

describe('what the environment holds', () => {
  test('is told beside the scenario: which variables it reads, and which of them are secrets', async () => {
    await expect(load(scenarioWith('embedded', '{ count: "${C2M_TOKEN}" }'))).rejects.toThrow(
      'clients.count: "…" is not a count',
    );
    const { variables, secrets, source } = await load(
      `description: "for \${C2M_TOKEN}"\n${scenarioWith('embedded', '{ count: "${C2M_COUNT}" }')}`,
    );
    expect(variables).toEqual(['C2M_TOKEN', 'C2M_COUNT', 'C2M_RATE']);
    expect(secrets).toEqual(['a-secret-of-the-environment']);
    expect(source.text).not.toContain('a-secret');
  });

  test('is a secret if a word of its name says so', async () => {
    const secretsOf = async (name: string) => {
      vi.stubEnv(name, 'a-value-of-some-length');
      return (await load(`description: "\${${name}}"\n${scenarioWith('embedded')}`)).secrets;
    };
    for (const name of [
      'AWS_SECRET_ACCESS_KEY',
      'CHAT_TOKEN_2',
      'DB_PASS',
      'GITHUB_PAT',
      'SSH_KEY',
      'api_key',
    ])
      expect(await secretsOf(name), name).toEqual(['a-value-of-some-length']);
    for (const name of ['C2M_HOST', 'COMPASS', 'PASSENGERS', 'KEYBOARD', 'TOKENIZER'])
      expect(await secretsOf(name), name).toEqual([]);
  });

  test('names nothing that is told: no scenario, no phase, no file, no cell of a matrix', async () => {
    const inName = scenarioWith('embedded').replace('name: chat', 'name: "${C2M_TOKEN}"');
    await expect(load(inName)).rejects.toThrow(/chat\.yaml:1 name: holds a secret/);
    await expect(load('extends: "${C2M_TOKEN}.yaml"')).rejects.toThrow(
      /chat\.yaml:1 extends: holds a secret of the environment, and names of files are told$/,
    );
    await expect(load('name: chat\nphases: [{ import: "${C2M_TOKEN}" }]')).rejects.toThrow(
      /chat\.yaml:2 phases\.0\.import: holds a secret/,
    );
    const file = join(testFolder(), 'chat.yaml');
    await writeFile(file, `${scenarioWith('embedded')}matrix: { description: [one, "\${C2M_TOKEN}"] }\n`);
    await expect(loadCells(file)).rejects.toThrow(/matrix: has a combination that is called by a secret/);
  });

  test('goes to another machine only if its name begins with C2M_, or somebody trusts the scenario', async () => {
    const elsewhere = (name: string) =>
      scenarioWith(
        `\n  addresses: [tcp://chat.example.net:4000]\n  allow: [chat.example.net]\n  token: \${${name}}`,
      );
    await expect(load(elsewhere('HOME_SECRET'))).rejects.toThrow(
      /:3 target\.addresses\.0: may be told what the environment holds \(HOME_SECRET\); name the variable C2M_HOME_SECRET, or give --trust/,
    );
    expect((await load(elsewhere('C2M_TOKEN'))).scenario.target).toMatchObject({
      token: 'a-secret-of-the-environment',
    });
    expect((await load(elsewhere('HOME_SECRET'), true)).scenario.target).toMatchObject({
      token: 'of this user',
    });
    const here = scenarioWith('{ addresses: [tcp://127.0.0.1:4000], token: "${HOME_SECRET}" }');
    expect((await load(here)).scenario.target).toMatchObject({ token: 'of this user' });
  });
});
