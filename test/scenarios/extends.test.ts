import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadScenario } from '../../scenarios/load.js';
import { loadCells } from '../../scenarios/matrix.js';
import { SHIPPED_FOLDER } from '../../scenarios/shipped.js';
import { testFolder } from '../support/folder.js';

let folder: string;
beforeEach(() => {
  folder = testFolder();
});

const BASE = `name: base
description: What they have in common.
target: { embedded: { store: memory, workers: 2 } }
clients: { count: 100, connectRate: 50/s }
messages: { size: { uniform: [64B, 1KiB] } }
phases:
  - { name: talk, duration: 1s, rate: 10/s }
  - { name: rest, duration: 2s }
gates:
  - messages.lost == 0
`;

async function write(files: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return join(folder, Object.keys(files)[0] as string);
}

/** What is wrong, with the folder of the test left out. */
async function problemsOf(files: Record<string, string>, ...overrides: string[]): Promise<string> {
  const file = await write(files);
  const error = await loadScenario(file, overrides).catch((thrown: Error) => thrown);
  if (!(error instanceof Error)) throw new Error('nothing is wrong with it');
  return error.message.replaceAll(`${folder}/`, '');
}

describe('a scenario that extends another', () => {
  test('has what that has, and its own over it: maps key by key, lists as a whole', async () => {
    const file = await write({
      'own.yaml': `extends: base.yaml
name: own
clients: { count: 500 }
phases: [{ name: storm, duration: 3s, cut: 50% }]
`,
      'base.yaml': BASE,
    });
    const { scenario, source } = await loadScenario(file);
    expect(scenario).toMatchObject({
      name: 'own',
      description: 'What they have in common.',
      target: { kind: 'embedded', store: 'memory', workers: 2 },
      clients: { count: 500, connectRate: 50 },
      gates: [{ expression: 'messages.lost == 0' }],
    });
    expect(scenario.phases.map(({ name }) => name)).toEqual(['storm']);
    // The record tells where everything came from.
    expect(source.text).toContain('extends: base.yaml');
    expect(source.bases).toEqual([{ file: join(folder, 'base.yaml'), text: BASE }]);
  });

  test('over others that extend further ones, and over several: the later one wins', async () => {
    const file = await write({
      'own.yaml': 'extends: [many.yaml, quick.yaml]\nname: own\n',
      'many.yaml': 'extends: base.yaml\nclients: { count: 1000, connectRate: 500/s }\n',
      'quick.yaml': 'clients: { connectRate: 900/s }\n',
      'base.yaml': BASE,
    });
    const { scenario } = await loadScenario(file);
    expect(scenario.clients).toMatchObject({ count: 1000, connectRate: 900 });
  });

  test('by the name of one that ships, and by --set over all of it', async () => {
    const file = await write({ 'own.yaml': 'extends: quickstart\nname: own\n' });
    const { scenario } = await loadScenario(file, ['clients.count=50']);
    expect(scenario).toMatchObject({ name: 'own', clients: { count: 50 } });
    expect(scenario.phases.length).toBeGreaterThan(0);
  });

  test.each([
    [
      'a short form over keys',
      'target: tcp://127.0.0.1:4000',
      { kind: 'external', addresses: ['tcp://127.0.0.1:4000'] },
    ],
    [
      'another kind of target',
      'target: { addresses: [tcp://127.0.0.1:4000], token: abc }',
      { kind: 'external', token: 'abc' },
    ],
    [
      'a key more',
      'target: { embedded: { protocol: ws } }',
      { kind: 'embedded', store: 'memory', protocol: 'ws' },
    ],
    [
      'null over a key',
      'target: { embedded: { store: null } }',
      { kind: 'embedded', store: 'lmdb', workers: 2 },
    ],
  ])('%s', async (_, target, expected) => {
    const file = await write({ 'own.yaml': `extends: base.yaml\n${target}\n`, 'base.yaml': BASE });
    expect((await loadScenario(file)).scenario.target).toMatchObject(expected);
  });

  test('with one distribution of sizes instead of another, and one driver instead of another', async () => {
    const file = await write({
      'own.yaml': 'extends: base.yaml\nmessages: { size: 200B }\ntarget: { driver: { nats: {} } }\n',
      'base.yaml': BASE.replace(/target: .*/, 'target: { addresses: [tcp://127.0.0.1:1883], driver: mqtt }'),
    });
    const { scenario } = await loadScenario(file);
    expect(scenario.messages.size).toEqual({ kind: 'fixed', bytes: 200 });
    expect(scenario.target).toMatchObject({ driver: { name: 'nats' }, addresses: ['tcp://127.0.0.1:1883'] });
  });

  test('finds the files that each of them names beside that one', async () => {
    const file = await write({
      'own/own.yaml': 'extends: ../base/base.yaml\n',
      'base/base.yaml': BASE.replace(
        /target: .*/,
        'target: { addresses: [tcp://127.0.0.1:4000], driver: ./driver.js, command: { run: [node, server.js] } }',
      ),
      'base/driver.js': '',
    });
    const { scenario } = await loadScenario(file, [], { isTrusted: true });
    expect(scenario.target).toMatchObject({
      driver: { settings: { file: join(folder, 'base/driver.js') } },
      command: { cwd: join(folder, 'base') },
    });
  });

  test('runs a command of its own where it lies itself, unless the base says where', async () => {
    const command = async (name: string, own: string, base: string) => {
      const file = await write({
        [`${name}.yaml`]: `extends: ${name}/base.yaml\ntarget: { command: ${own} }\n`,
        [`${name}/base.yaml`]: `${BASE}generator: {}`.replace(
          '{ embedded: { store: memory, workers: 2 } }',
          `{ command: ${base}, addresses: [tcp://127.0.0.1:4000] }`,
        ),
      });
      const { target } = (await loadScenario(file, [], { isTrusted: true })).scenario;
      return target.kind === 'command' ? target.command : undefined;
    };
    const node = (script: string) => `[node, ${script}]`;
    expect(await command('own', node('own.js'), node('base.js'))).toMatchObject({
      run: ['node', 'own.js'],
      cwd: folder,
    });
    expect(await command('same', '{ env: { A: b } }', node('base.js'))).toMatchObject({
      run: ['node', 'base.js'],
      cwd: join(folder, 'same'),
    });
    await mkdir(join(folder, 'told/server'), { recursive: true });
    const told = `{ run: ${node('base.js')}, cwd: server }`;
    expect(await command('told', node('own.js'), told)).toMatchObject({ cwd: join(folder, 'told/server') });
  });

  test('finds those of a matrix as well, also where it is the one that ships', async () => {
    const file = await write({ 'own.yaml': 'extends: shoot-out\nname: own\n' });
    const cells = await loadCells(file, [], { isTrusted: true });
    const folders = cells.flatMap(({ loaded: { scenario } }) =>
      scenario.target.kind === 'command' ? [scenario.target.command.cwd] : [],
    );
    expect(new Set(folders)).toEqual(new Set([join(SHIPPED_FOLDER, 'shoot-out')]));
  });

  test('brings along a matrix', async () => {
    const file = await write({
      'own.yaml': 'extends: base.yaml\n',
      'base.yaml': `${BASE}matrix: { clients.count: [10, 20] }\n`,
    });
    expect((await loadCells(file)).map(({ name }) => name)).toEqual(['count 10', 'count 20']);
  });
});

describe('what is wrong is told with the file and the line where it stands', () => {
  test('of whichever file it is, the one that was named first', async () => {
    const problems = await problemsOf({
      'own.yaml': 'extends: base.yaml\nname: own\nclients:\n  count: 500\n  heartbeat: fast\n',
      'base.yaml': BASE.replace('50/s', 'quick').replace('rate: 10/s', 'speed: 10/s'),
    });
    expect(problems.split('\n')).toEqual([
      expect.stringMatching(/^own\.yaml:5 clients\.heartbeat: "fast" is not a duration/),
      expect.stringMatching(/^base\.yaml:4 clients\.connectRate: "quick" is not a rate/),
      expect.stringMatching(/^base\.yaml:7 phases\.0\.speed: is not a known key/),
    ]);
  });

  test('a key that none of them has', async () => {
    const problems = await problemsOf({
      'own.yaml': 'extends: base.yaml\nclients:\n  connectRate: 5/s\n',
      'base.yaml': BASE.replace(/clients: .*\n/, ''),
    });
    expect(problems).toMatch(/^own\.yaml:2 clients\.count: is missing/);
  });

  test('a file that is no scenario, also where its keys are taken away again: the record would keep it', async () => {
    expect(
      await problemsOf({
        'own.yaml': 'extends: [base.yaml, accounts.yaml]\naccounts: null\n',
        'base.yaml': BASE,
        'accounts.yaml': 'seed: 4\naccounts: [{ key: of-somebody }]\n',
      }),
    ).toMatch(/^accounts\.yaml:2 accounts: is not a known key/);
    expect(
      await problemsOf({
        'own.yaml': `${BASE.replace(/phases:.*/s, '')}phases: [{ import: steps.yaml }]\n`,
        'steps.yaml': 'phases: [{ name: talk, duration: 1s }]\npipeline: {}\n',
      }),
    ).toMatch(/^steps\.yaml:2 pipeline: is not a known key/);
  });

  test('a file that is not there, one that is no YAML, and what is no file', async () => {
    expect(await problemsOf({ 'own.yaml': '\nextends: bse.yaml\n' })).toMatch(
      /^own\.yaml:2 extends: "bse\.yaml": there is no such scenario/,
    );
    expect(await problemsOf({ 'own.yaml': 'extends:\n  - quikstart\n' })).toMatch(
      /^own\.yaml:2 extends\.0: "quikstart": .*did you mean quickstart\?/,
    );
    expect(await problemsOf({ 'own.yaml': 'extends: b.yaml\n', 'b.yaml': 'a: 1\nb: [\n' })).toMatch(
      /^b\.yaml:3: is not YAML/,
    );
    expect(await problemsOf({ 'own.yaml': 'extends: b.yaml\n', 'b.yaml': '- 1\n' })).toMatch(
      /^own\.yaml:1 extends: b\.yaml is no scenario: it is not a map of keys/,
    );
    expect(await problemsOf({ 'own.yaml': 'extends: 5\n' })).toMatch(/^own\.yaml:1 extends: 5 is no file/);
  });

  test('files that go round in a circle', async () => {
    expect(
      await problemsOf({
        'a.yaml': 'name: a\nextends: b.yaml\n',
        'b.yaml': '# b\n\nextends: c.yaml\n',
        'c.yaml': 'extends: ./b.yaml\n',
      }),
    ).toBe('c.yaml:1 extends: goes round in a circle: b.yaml -> c.yaml -> b.yaml; leave one of them out');
    expect(await problemsOf({ 'a.yaml': 'extends: a.yaml\n' })).toContain('a.yaml -> a.yaml');
  });

  test('more files than anybody means', async () => {
    const names = Array.from({ length: 60 }, (_, number) => `f${number}.yaml`);
    const files = Object.fromEntries(
      names.map((name, number) => [name, names[number + 1] ? `extends: ${names[number + 1]}\n` : BASE]),
    );
    expect(await problemsOf(files)).toMatch(/^f49\.yaml:1 extends: makes a scenario of more than 50 files/);
  });
});

describe('an entry of phases that imports', () => {
  test('stands for all phases of another scenario', async () => {
    const file = await write({
      'own.yaml': `${BASE.replace(/phases:.*gates:/s, 'phases:\n  - import: warm.yaml\n  - { name: end, duration: 1s }\ngates:')}`,
      'warm.yaml': 'phases:\n  - { name: warm, duration: 1s }\n  - import: hot.yaml\n',
      'hot.yaml': 'phases: [{ name: hot, duration: 1s }]\n',
    });
    const { scenario } = await loadScenario(file);
    expect(scenario.phases.map(({ name }) => name)).toEqual(['warm', 'hot', 'end']);
  });

  test('has its faults told where they stand', async () => {
    const own = BASE.replace(
      /phases:.*gates:/s,
      'phases:\n  - { name: first, duration: 1s }\n  - import: warm.yaml\ngates:',
    );
    expect(
      await problemsOf({ 'own.yaml': own, 'warm.yaml': '\n\nphases: [{ name: warm, duration: soon }]\n' }),
    ).toMatch(/^warm\.yaml:3 phases\.1\.duration: "soon" is not a duration/);
    expect(await problemsOf({ 'own.yaml': own, 'warm.yaml': 'name: warm\n' })).toMatch(
      /^own\.yaml:8 phases\.1\.import: warm\.yaml has no list of phases/,
    );
    expect(
      await problemsOf({ 'own.yaml': own.replace('import: warm.yaml', '{ import: warm.yaml, rate: 5/s }') }),
    ).toContain('stands for all phases of that file; write nothing beside it');
  });
});
