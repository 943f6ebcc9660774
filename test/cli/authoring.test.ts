import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { COMMANDS } from '../../cli/commands.js';
import { completionCommand } from '../../cli/completion.js';
import type { ExitStatus, Finish } from '../../cli/exit-status.js';
import { initCommand } from '../../cli/init.js';
import { runCommand } from '../../cli/run.js';
import { schemaCommand } from '../../cli/schema.js';
import { validateCommand } from '../../cli/validate.js';
import { loadScenario } from '../../scenarios/load.js';
import { NEW_PROTOCOLS } from '../../scenarios/new-scenario-protocols.js';
import { schemaReference } from '../../scenarios/schema-reference.js';
import { testFolder } from '../support/folder.js';
import { startInTerminal } from '../support/pseudo-terminal.js';

let folder: string;
beforeEach(() => {
  folder = testFolder();
});
afterEach(() => vi.restoreAllMocks());

interface Told {
  status: ExitStatus | undefined;
  stdout: string;
  stderr: string;
}

/** What a command does in this process. */
async function told(make: (finish: Finish) => Command, ...argv: string[]): Promise<Told> {
  const result: Told = { status: undefined, stdout: '', stderr: '' };
  const keep = (name: 'stdout' | 'stderr') => (text: unknown) => {
    result[name] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep('stdout')),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep('stderr')),
  ];
  try {
    const command = make((status) => {
      result.status = status;
    });
    await command.exitOverride().parseAsync(argv, { from: 'user' });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return result;
}

async function scenarioFile(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

const SCENARIO = `name: mine
target: embedded
clients: { count: 10, connectRate: 10/s }
phases:
  - { name: talk, duration: 4s, rate: 100/s }
  - { name: ramp, duration: 2s, rate: 100/s..500/s }
gates:
  - { gate: messages.duplicated == 0, abortOnFail: true }
`;

describe('c2m validate', () => {
  test('says what each scenario does', async () => {
    const file = await scenarioFile('mine.yaml', SCENARIO);
    const { status, stdout, stderr } = await told(validateCommand, file, 'ci-smoke', 'shoot-out');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(
      `${file}: 10 clients of the reference server (tcp) send about 1,000 messages, at most 500/s, in 2 phases; about 8 s; 1 gate`,
    );
    expect(lines[1]).toMatch(/^ci-smoke: 500 clients/);
    expect(lines.slice(2)).toEqual([
      expect.stringMatching(/^shoot-out: 500 clients/),
      expect.stringMatching(/^ {2}a matrix of 7: c2m; mosquitto; nats/),
      expect.stringMatching(
        /^ {2}needs --trust: target\.command starts "sh mosquitto\.sh" .*user \(matrix: mosquitto\)$/,
      ),
    ]);
  });

  test('tells what is wrong, with its line, of every file, and ends with 2', async () => {
    const wrong = await scenarioFile('wrong.yaml', SCENARIO.replace('4s', 'long'));
    const untold = await scenarioFile(
      'untold.yaml',
      SCENARIO.replace(
        'embedded',
        '{ addresses: [tcp://127.0.0.1:1], driver: { mqtt: { qos: 0 } } }',
      ).replace(/gates:.*/s, 'gates: ["messages.accepted > 0"]\n'),
    );
    const { status, stdout, stderr } = await told(validateCommand, wrong, untold, 'chat', '--set', 'seed=5');
    expect(status).toBe(2);
    expect(stderr).toContain(`${wrong}:5 phases.0.duration: "long" is not a duration`);
    expect(stderr).toContain(`${untold}: gates: messages.accepted > 0: mqtt with qos 0 cannot tell`);
    // What is right is said all the same.
    expect(stdout).toMatch(/^chat: 10,000 clients/);
  });

  test('reads what variables there are, and takes --set', async () => {
    const file = await scenarioFile(
      'mine.yaml',
      SCENARIO.replace('embedded', '{ addresses: [tcp://127.0.0.1:1], token: "${C2M_TEST_TOKEN:-none}" }'),
    );
    const { stdout, status } = await told(validateCommand, file, '--set', 'clients.count=20');
    expect(status).toBe(0);
    expect(stdout).toContain('20 clients of c2m at tcp://127.0.0.1:1');
    expect(stdout).toContain('reads C2M_TEST_TOKEN of the environment');
  });

  test('takes a server whose name nobody knows here for no fault of the scenario', async () => {
    const file = await scenarioFile(
      'mine.yaml',
      SCENARIO.replace('embedded', '{ addresses: [tcp://c2m.invalid:4000], allow: [c2m.invalid] }'),
    );
    const { stdout, stderr, status } = await told(validateCommand, file);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('from here tcp://c2m.invalid:4000: c2m.invalid cannot be resolved');
  });

  test('runs no driver of a scenario that nobody trusts', async () => {
    await scenarioFile('driver.js', 'throw new Error("it ran");\n');
    const file = await scenarioFile(
      'mine.yaml',
      SCENARIO.replace('embedded', '{ addresses: [tcp://127.0.0.1:1], driver: ./driver.js }'),
    );
    const untrusted = await told(validateCommand, file);
    expect(untrusted).toMatchObject({ status: 0, stderr: '' });
    expect(untrusted.stdout).toContain('needs --trust: target.driver runs the code in "./driver.js"');
    expect((await told(validateCommand, file, '--trust')).stderr).toContain('it ran');
  });
});

describe('c2m run --dry-run', () => {
  test('tells the plan, and neither starts nor writes anything', async () => {
    const file = await scenarioFile('mine.yaml', SCENARIO);
    const out = join(folder, 'record');
    const { status, stdout } = await told(runCommand, file, '--dry-run', '--out', out);
    expect(status).toBe(0);
    for (const words of [
      'the reference server over tcp, started for the run: 1 worker, mailboxes in lmdb',
      '10 in 1 process',
      'about 1,000 messages, at most 500/s',
      'connect  from 0 s  for 1 s         10/s      connects',
      'talk     from 1 s  for 4 s        100/s  400 messages',
      'ramp     from 5 s  for 2 s  100 to 500/s  600 messages',
      'messages.duplicated == 0 (ends the run)',
      `${out}: run.json, timeline.ndjson, latency.hlog, report.html, junit.xml, summary.md`,
    ])
      expect(stdout.replaceAll(/ {2,}/g, '  ')).toContain(words.replaceAll(/ {2,}/g, '  '));
    await expect(readFile(join(out, 'run.json'))).rejects.toThrow('ENOENT');
  });

  test('without the secrets of the scenario and of the environment', async () => {
    vi.stubEnv('C2M_TEST_TOKEN', 'of-the-environment');
    const file = await scenarioFile(
      'mine.yaml',
      SCENARIO.replace(
        'embedded',
        `
  addresses: ["ws://127.0.0.1:1/?access=\${C2M_TEST_TOKEN}"]
  command: [node, server.js, --token, "\${C2M_TEST_TOKEN}", "--log=ws://me:of-the-url@127.0.0.1/?key=of-the-query"]
  driver: { websocket: { preset: json-chat } }
  token: of-the-scenario`,
      ).replace('phases:', 'description: of-the-scenario\nphases:'),
    );
    for (const form of [[], ['--json']]) {
      const { stdout } = await told(runCommand, file, '--dry-run', '--trust', ...form);
      expect(stdout).toContain('server.js');
      expect(stdout).not.toMatch(/of-the-/);
    }
    vi.unstubAllEnvs();
  });

  test('as JSON, by the agents and the seconds that the run would have', async () => {
    const file = await scenarioFile('mine.yaml', SCENARIO);
    const set = ['--set', 'generator.agents=2', '--set', 'clients.count=13'];
    const { stdout } = await told(runCommand, file, '--dry-run', '--json', ...set);
    expect(JSON.parse(stdout)).toMatchObject({
      scenario: 'mine',
      target: { kind: 'embedded', serverWorkers: 1, store: 'lmdb' },
      agents: [
        { agent: 0, clients: 6, firstUser: 1 },
        { agent: 1, clients: 7, firstUser: 7 },
      ],
      messages: { due: 1000, deliveries: 1000, peakPerSecond: 500 },
      timeline: [
        { name: 'connect', startSeconds: 0, seconds: 1.3 },
        { name: 'talk', startSeconds: 1.3, perSecond: 100, perSecondTo: null },
        { name: 'ramp', startSeconds: 5.3, perSecond: 100, perSecondTo: 500 },
      ],
      gates: [{ expression: 'messages.duplicated == 0', endsRunAfterSeconds: 0 }],
    });
  });

  test('of a matrix tells each of its runs, and refuses what a run would', async () => {
    const file = await scenarioFile('mine.yaml', `${SCENARIO}matrix: { clients.count: [10, 20] }\n`);
    const { stdout } = await told(runCommand, file, '--dry-run', '--json', '--out', join(folder, 'all'));
    expect(
      JSON.parse(stdout).map(({ clients, writes }: { clients: number; writes: { folder: string } }) => [
        clients,
        writes.folder,
      ]),
    ).toEqual([
      [10, join(folder, 'all/count-10/001')],
      [20, join(folder, 'all/count-20/001')],
    ]);
    await mkdir(join(folder, 'there'));
    await writeFile(join(folder, 'there/run.json'), '{}');
    await expect(told(runCommand, 'ci-smoke', '--dry-run', '--out', join(folder, 'there'))).rejects.toThrow(
      'holds a run record already',
    );
  });
});

describe('c2m init', () => {
  test.each(Object.keys(NEW_PROTOCOLS))(
    'writes a scenario for %s that c2m validate takes',
    async (protocol) => {
      const file = join(folder, 'new.yaml');
      const { status, stdout } = await told(initCommand, file, '--protocol', protocol);
      expect(status).toBe(0);
      expect(stdout).toMatch(new RegExp(`run ${file}\n`));
      const checked = await told(validateCommand, file);
      expect(checked).toMatchObject({ status: 0, stderr: '' });
      expect((await readFile(file, 'utf8')).split('\n')[0]).toMatch(/^# yaml-language-server: \$schema=/);
    },
  );

  test('with what the flags say', async () => {
    const file = join(folder, 'deep/new.yaml');
    const flags = ['--clients', '40', '--rate', '30/m', '--duration', '1m30s'];
    await told(initCommand, file, '--protocol', 'mqtt', '--address', 'tls://mqtt.example.net:8883', ...flags);
    const { scenario } = await loadScenario(file);
    expect(scenario).toMatchObject({
      name: 'mqtt-load',
      target: {
        addresses: ['tls://mqtt.example.net:8883'],
        allow: ['mqtt.example.net'],
        driver: { name: 'mqtt' },
      },
      clients: { count: 40 },
      phases: [{ name: 'talk', durationMs: 90_000, messageRate: 0.5 }],
    });
  });

  test('asks nothing of messages where it may be that none is sent', async () => {
    const gatesOf = async (...flags: string[]) => {
      const file = join(folder, 'new.yaml');
      await told(initCommand, file, '--protocol', 'c2m', '--force', ...flags);
      return (await loadScenario(file)).scenario.gates.map(({ metric }) => metric);
    };
    expect(await gatesOf('--rate', '0')).toEqual(['connections.peak', 'connections.dropped']);
    expect(await gatesOf('--rate', '1/s', '--duration', '1s')).not.toContain('messages.lost');
    expect(await gatesOf('--rate', '1/s', '--duration', '1m')).toContain('messages.lost');
  });

  test('writes and tells a name as it is typed in a shell', async () => {
    const file = join(folder, "of 'them'.yaml");
    const { stdout } = await told(initCommand, file, '--protocol', 'c2m');
    const word = `'${folder}/of '\\''them'\\''.yaml'`;
    expect(stdout).toContain(`run ${word}\n`);
    expect(await readFile(file, 'utf8')).toContain(`run ${word}\``);
    await expect(told(initCommand, `${file}\nseed: 2 #`, '--protocol', 'c2m')).rejects.toThrow('in one line');
  });

  test('leaves a file alone that is there, unless it is to be replaced', async () => {
    const file = await scenarioFile('mine.yaml', SCENARIO);
    await expect(told(initCommand, file, '--protocol', 'c2m')).rejects.toThrow(
      `${file} is there already; name another file, or give --force to write over it`,
    );
    expect(await readFile(file, 'utf8')).toBe(SCENARIO);
    await told(initCommand, file, '--protocol', 'c2m', '--force');
    expect(await readFile(file, 'utf8')).not.toBe(SCENARIO);
  });

  test.each([
    [[], 'there is no terminal to ask at; say at least what the server speaks, such as --protocol websocket'],
    [
      ['--protocol', 'mqtt', '--address', 'mqtt.example.net'],
      '--address: "mqtt.example.net" is no address of such a server',
    ],
    [['--protocol', 'websocket', '--address', 'tcp://127.0.0.1:80'], 'write ws or wss, a host and a port'],
    [['--protocol', 'websocket', '--address', 'ws://127.0.0.1:0'], 'is no address of such a server'],
    [['--protocol', 'c2m', '--clients', '1'], '--clients: 1 is too few; write 2 or more'],
    [['--protocol', 'c2m', '--rate', 'fast'], '--rate: "fast" is not a rate'],
    [['--protocol', 'c2m', '--duration', '5'], '--duration: 5 has no unit; write 5s'],
  ])('%j says what would be right, and writes nothing', async (flags, words) => {
    const file = join(folder, 'new.yaml');
    await expect(told(initCommand, file, ...flags)).rejects.toThrow(words);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });

  test('asks at a terminal, and again where an answer is none', async () => {
    const file = join(folder, 'asked.yaml');
    const session = startInTerminal('dist/cli/c2m.js', 'init', file);
    const answers: [RegExp, string][] = [
      [/What does the server speak\?/, 'smoke'],
      [/"smoke" is none of/, 'mqtt'],
      [/Where does the server listen\?/, ''],
      [/How many clients\?/, '30'],
      [/How many messages a second/, '10/s'],
      [/For how long\?/, '2s'],
    ];
    for (const [question, answer] of answers) {
      await session.said(question);
      session.type(`${answer}\r`);
    }
    expect((await session.ended).status).toBe(0);
    expect((await loadScenario(file)).scenario).toMatchObject({
      target: { addresses: ['tcp://127.0.0.1:1883'], driver: { name: 'mqtt' } },
      clients: { count: 30 },
      phases: [{ messageRate: 10, durationMs: 2000 }],
    });
  });
});

describe('c2m schema', () => {
  test('prints what editors are told', async () => {
    const { stdout, status } = await told(schemaCommand);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
    });
  });

  test('is found in the package where that lies in the folder, and else on the web', () => {
    expect(schemaReference('mine.yaml', '1.2.3')).toBe('./scenarios/scenario.schema.json');
    expect(schemaReference('examples/a/mine.yaml', '1.2.3')).toBe('../../scenarios/scenario.schema.json');
    expect(schemaReference('/elsewhere/mine.yaml', '1.2.3')).toBe(
      'https://unpkg.com/c2m@1.2.3/scenarios/scenario.schema.json',
    );
  });
});

describe('completion', () => {
  const scriptOf = async (shell: string): Promise<string> =>
    (await told((finish) => completionCommand(finish, COMMANDS), shell)).stdout;

  /** What bash offers for the last of these words. */
  function offered(script: string, ...words: string[]): string[] {
    const lines = [
      script,
      `COMP_WORDS=(c2m ${words.map((word) => `'${word}'`).join(' ')})`,
      `COMP_CWORD=${words.length}`,
      '_c2m c2m',
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ];
    const told = execFileSync('bash', ['--norc', '--noprofile'], {
      input: lines.join('\n'),
      encoding: 'utf8',
      cwd: folder,
    });
    return told.split('\n').filter(Boolean);
  }

  test('in bash: commands, flags, choices, scenarios and files', async () => {
    const script = await scriptOf('bash');
    await scenarioFile('mine.yaml', SCENARIO);
    await scenarioFile('notes.txt', '');
    await mkdir(join(folder, 'runs'));
    expect(offered(script, 'va')).toEqual(['validate']);
    expect(offered(script, '')).toEqual(expect.arrayContaining(COMMANDS.map(({ name }) => name)));
    expect(offered(script, 'run', '--dry')).toEqual(['--dry-run']);
    expect(offered(script, 'run', 'qui')).toEqual(['quickstart']);
    expect(offered(script, 'run', 'm')).toEqual(expect.arrayContaining(['media-sharing', 'mine.yaml']));
    expect(offered(script, 'run', 'n')).not.toContain('notes.txt');
    expect(offered(script, 'run', 'quickstart', '--out', 'r')).toEqual(['runs']);
    expect(offered(script, 'init', '--protocol', 'mq')).toEqual(['mqtt']);
    expect(offered(script, 'completion', 'b')).toEqual(['bash']);
    expect(offered(script, 'driver', '')).toEqual(expect.arrayContaining(['test']));
    expect(offered(script, 'driver', 'test', '--cl')).toEqual(['--clients']);
    expect(offered(script, 'report', '--nothing')).toEqual([]);
  });

  test('in bash a name with a space stays one, and a command is none of a folder', async () => {
    const script = await scriptOf('bash');
    await scenarioFile('my load.yaml', SCENARIO);
    await mkdir(join(folder, 'old runs'));
    expect(offered(script, 'run', 'my')).toEqual(['my load.yaml']);
    expect(offered(script, 'run', 'quickstart', '--out', 'old')).toEqual(['old runs']);
    // Else bash would put a slash behind `scenarios` where there is a folder of that name.
    expect(script).not.toMatch(/^complete .*filenames/m);
  });

  test('behind --ui of a run comes the scenario, as its port stands behind "=" alone', async () => {
    expect(offered(await scriptOf('bash'), 'run', '--ui', 'quick')).toEqual(['quickstart']);
  });

  test('in zsh and fish every command and flag is named', async () => {
    for (const shell of ['zsh', 'fish']) {
      const script = await scriptOf(shell);
      for (const { name } of COMMANDS) expect(script).toContain(name);
      expect(script).toContain('dry-run');
      expect(script).toContain('quickstart');
    }
  });
});
