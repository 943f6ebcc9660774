import { readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { runRecordSchema } from '../../record/run.js';
import { recordFixture, writeRecordFolder } from '../fixtures/record.js';
import { c2m, c2mHere } from './c2m.js';

const COMMANDS = [
  'run',
  'init',
  'validate',
  'report',
  'compare',
  'baseline',
  'ab',
  'capacity',
  'rate',
  'stop',
  'serve',
  'agent',
  'cluster',
  'top',
  'reload',
  'token',
  'doctor',
  'driver',
  'scenarios',
  'schema',
  'completion',
];

describe('help', () => {
  test('lists the commands, with examples and the exit statuses', async () => {
    const { status, stdout } = await c2m('--help');
    expect(status).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(`  ${command} `);
    expect(stdout).toContain('Examples:');
    expect(stdout).toContain('99 a gate failed');
  });

  test('of each command shows examples', async () => {
    const helps = await Promise.all(COMMANDS.map((command) => c2mHere(command, '--help')));
    helps.forEach(({ status, stdout }, index) => {
      expect(status).toBe(0);
      expect(stdout).toMatch(new RegExp(`Examples?:\n  c2m ${COMMANDS[index]}`));
    });
  });
});

describe('arguments that are wrong end with status 2 and say what was meant', () => {
  test.each([
    [['scenrios'], 'Did you mean scenarios?'],
    [['run', 'quickstart', '--quite'], 'Did you mean --quiet?'],
    [['run'], "missing required argument 'scenario'"],
    [['compare', 'a'], 'there is nothing to compare with; write c2m compare BASE... -- RUN...'],
    [['compare', 'a', 'b', 'c'], 'write -- between the records to compare with and those in question'],
    [['run', 'quickstart', '--repeat', 'often'], '--repeat: "often" is not a number of runs'],
    [['ab', 'quickstart', '--runs', '1'], '--runs: "1" is not a number of runs; write 2 to 500'],
    [['capacity', 'quickstart', '--find', 'messages.rate'], "required option '--until <gate>'"],
    [
      ['capacity', 'quickstart', '--find', 'messages.rate', '--until', 'latency.p99 < 1s'],
      '--until: latency.p99 is not a metric of run.json',
    ],
    [['report', 'runs/of-nobody'], 'runs/of-nobody holds no run record'],
    [['compare', 'a', 'b', '--smallest-effect', 'much'], '--smallest-effect: "much" is not a share'],
    [['serve', '--workers', '0'], 'workers: '],
    [['serve', '--listen', 'http://x'], '"http://x" is not an address'],
    [['serve', '--listen', 'tcp://0.0.0.0:0'], 'a token is needed'],
    [
      ['serve', '--node', 'one'],
      '--node is for a node of a cluster; say where its NATS is: --cluster nats://',
    ],
    [['serve', '--cluster', 'nats://127.0.0.1', '--replicas', '2'], 'cluster.replicas: '],
    [['serve', '--cluster', 'nats://127.0.0.1', '--node', 'a b'], 'cluster.node: is no name'],
    [['serve', '--config', 'no-such-file.yaml'], 'no-such-file.yaml cannot be read'],
  ])('%j', async (argv, message) => {
    const { status, stdout, stderr } = await c2mHere(...argv);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

test('c2m scenarios lists what ships, with clients and duration', async () => {
  const { status, stdout } = await c2mHere('scenarios');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^quickstart +5,000 +\d+ s {2}5,000 clients/m);
  const json = JSON.parse((await c2mHere('scenarios', '--json')).stdout) as unknown[];
  expect(json).toContainEqual(expect.objectContaining({ name: 'ci-smoke', clients: 500 }));
});

describe('c2m doctor', () => {
  test('says what the host can hold, and what would raise it', async () => {
    const { status, stdout } = await c2mHere('doctor');
    expect(status).toBe(0);
    expect(stdout).toMatch(/open files +[\d,]+|no limit known/);
    expect(stdout).toMatch(/tcp +[\d,]+ connections at .* each, bounded by/);
    expect(stdout).toMatch(/ws, packets +[\d,]+ connections at .* each, bounded by/);
  });

  test('says whether a scenario fits: status 0 or 1', async () => {
    const small = await c2mHere('doctor', 'ci-smoke', '--json');
    expect(small.status).toBe(0);
    expect(JSON.parse(small.stdout)).toMatchObject({
      fit: { scenario: 'ci-smoke', clients: 500, serverWorkers: 2, fits: true, short: null },
    });
    const large = await c2mHere('doctor', 'ci-smoke', '--json', '--set', 'clients.count=16000000');
    expect(large.status).toBe(1);
    expect(JSON.parse(large.stdout)).toMatchObject({ fit: { fits: false, short: expect.any(String) } });
  });

  test('says of a scenario over packets what a connection costs whom, and which sysctl it needs', async () => {
    const { stdout } = await c2mHere('doctor', 'two-million', '--json', '--set', 'clients.count=16000000');
    const { facts, fit } = JSON.parse(stdout) as {
      facts: { fileMax: number | null };
      fit: { cost: object; sysctls: string[]; serverWorkers: number };
    };
    expect(fit.cost).toEqual({
      kernel: expect.any(Number),
      server: expect.any(Number),
      client: expect.any(Number),
    });
    const isShort = facts.fileMax !== null && facts.fileMax < 16_000_000;
    expect(fit.sysctls).toEqual(isShort ? [expect.stringMatching(/^fs\.file-max=\d{8}$/)] : []);
  });
});

describe('c2m report', () => {
  test('renders a record again and ends with the status of its verdict', async () => {
    const folder = await writeRecordFolder(recordFixture());
    const { status, stdout } = await c2m('report', folder);
    expect(stdout).toContain('PASSED');
    expect(status).toBe(0);
    expect((await readdir(folder)).sort()).toEqual([
      'junit.xml',
      'latency.hlog',
      'report.html',
      'run.json',
      'summary.md',
      'timeline.ndjson',
    ]);
  });

  test('a damaged record ends with 1 although every gate held, says so on stderr beside --json, and 99 stays 99', async () => {
    const folder = await writeRecordFolder(recordFixture());
    await rm(join(folder, 'timeline.ndjson'));
    const { status, stdout } = await c2mHere('report', folder);
    expect(stdout).toContain('DAMAGED');
    expect(stdout).toContain('The record is damaged: timeline.ndjson is missing.');
    expect(status).toBe(1);
    const asJson = await c2mHere('report', folder, '--json');
    expect(asJson.stderr).toBe(`${folder} is damaged: timeline.ndjson is missing\n`);
    expect(runRecordSchema.parse(JSON.parse(asJson.stdout)).verdict).toBe('passed');
    expect(asJson.status).toBe(1);
    const failed = await writeRecordFolder(
      recordFixture((record) => {
        record.messages.lost = 3;
      }),
    );
    await rm(join(failed, 'latency.hlog'));
    expect((await c2mHere('report', failed)).status).toBe(99);
  });

  test('names each gate that failed as an error where GitHub runs it, but not with --json', async () => {
    const folder = await writeRecordFolder(
      recordFixture((record) => {
        record.messages.lost = 3;
      }),
    );
    vi.stubEnv('GITHUB_ACTIONS', 'true');
    const shown = await c2mHere('report', folder);
    const asJson = await c2mHere('report', folder, '--json');
    vi.unstubAllEnvs();
    expect(shown.stdout).toMatch(
      /^::error file=scenarios\/offline-backlog\.yaml(,line=\d+)?,title=c2m offline-backlog::messages\.lost == 0 did not hold: 3$/m,
    );
    expect(asJson.stdout).not.toContain('::error');
  });

  test('judges by the figures, not by what the record says of itself', async () => {
    const folder = await writeRecordFolder(
      recordFixture((record) => {
        record.messages.lost = 3;
      }),
    );
    const { status, stdout } = await c2mHere('report', folder, '--json');
    expect(status).toBe(99);
    expect(runRecordSchema.parse(JSON.parse(stdout)).verdict).toBe('failed');
    expect(await readFile(join(folder, 'run.json'), 'utf8')).toBe(stdout);
  });

  test('a partial record ends with 130, an invalid one with 1', async () => {
    const partial = await writeRecordFolder(
      recordFixture((record) => {
        record.verdict = 'partial';
      }),
    );
    expect((await c2mHere('report', partial)).status).toBe(130);
    const invalid = await writeRecordFolder(
      recordFixture((record) => {
        record.generator.valid = false;
      }),
    );
    expect((await c2mHere('report', invalid)).status).toBe(1);
  });
});

describe('c2m compare', () => {
  test('ends with 0 where nothing got worse, and with 99 on a regression', async () => {
    const base = await writeRecordFolder(recordFixture());
    const worse = await writeRecordFolder(
      recordFixture((record) => {
        record.messages.lost = 1;
      }),
    );
    expect((await c2mHere('compare', base, base)).status).toBe(0);
    // Behind the dashes options are options.
    const sets = await c2mHere('compare', base, base, '--', base, base, '--json');
    expect(sets.status).toBe(0);
    expect(JSON.parse(sets.stdout).current.runs).toHaveLength(2);
    const regression = await c2m('compare', base, worse, '--markdown');
    expect(regression.stdout).toContain('❌');
    expect(regression.status).toBe(99);
  });
});

describe('c2m run with input that is wrong ends with 2, and nothing was started', () => {
  test('a scenario with issues: all of them are told', async () => {
    const { status, stdout, stderr } = await c2m(
      ...['run', 'quickstart', '--set', 'clients.count=lots', '--set', 'phases.talk.rate=fast'],
    );
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toEqual([
      '--set clients.count=lots: "lots" is not a count; write a whole number, such as 5000 or 5_000',
      '--set phases.talk.rate=fast phases.0.rate: "fast" is not a rate; write a number and a unit, such as 500/s',
    ]);
  });

  test('settings that the embedded server does not take', async () => {
    const out = join(tmpdir(), `c2m-never-${process.pid}`);
    const { status, stderr } = await c2mHere(
      ...['run', 'ci-smoke', '--out', out, '--set', 'target.embedded.settings.limits.mailboxLength=-1'],
    );
    expect(status).toBe(2);
    expect(stderr).toContain('target.embedded.settings: limits.mailboxLength: ');
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });

  test('a folder that holds a record already', async () => {
    const folder = await writeRecordFolder(recordFixture());
    const before = await readFile(join(folder, 'run.json'), 'utf8');
    const { status, stderr } = await c2mHere('run', 'ci-smoke', '--out', folder);
    expect(status).toBe(2);
    expect(stderr).toContain('holds a run record already; choose another --out, or give --force');
    expect(await readFile(join(folder, 'run.json'), 'utf8')).toBe(before);
  });
});

test('c2m serve fails with the reason where its port is taken', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as { port: number };
  const { status, stderr } = await c2m(
    'serve',
    '--store',
    'memory',
    '--listen',
    `tcp://127.0.0.1:${port}`,
    '--admin',
    'off',
  );
  holder.close();
  expect(stderr).toContain(`127.0.0.1:${port}`);
  expect(status).toBe(1);
});
