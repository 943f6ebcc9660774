import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { expect, test, vi } from 'vitest';
import { readProcesses } from '../../loadgen/process-table.js';
import { testFolder } from '../support/folder.js';
import { startCommand } from '../support/running-command.js';
import { buildHere, contextFolders } from './image.js';

const FILE = 'deploy/Containerfile';
const SMALL = [
  'clients.count=200',
  ...['talk', 'away', 'back'].map((phase) => `phases.${phase}.duration=1s`),
];

test('the Containerfile is understood, and nothing in it is a warning', () => {
  expect(validate(readFileSync(FILE, 'utf8'))).toEqual([]);
});

test('all that is compiled goes to the build, and nothing that is not there', () => {
  const { include } = JSON.parse(readFileSync('tsconfig.build.json', 'utf8')) as { include: string[] };
  expect(contextFolders()).toEqual(expect.arrayContaining(include));
  expect(contextFolders().filter((name) => !existsSync(name))).toEqual([]);
});

test('what the steps of the Containerfile make runs a scenario, as its user, without the tools that made it', async () => {
  const folder = testFolder();
  const image = await buildHere(FILE, folder);

  expect(existsSync(join(image.root, 'c2m/node_modules/typescript'))).toBe(false);
  expect(existsSync(join(image.root, 'c2m/test'))).toBe(false);
  const [uid, gid] = image.user.split(':').map(Number) as [number, number];
  expect(uid).toBeGreaterThan(0);
  // Where root runs the tests, the user of the image has to get at the folder.
  chmodSync(folder, 0o755);
  const records = join(folder, 'out');
  mkdirSync(records);
  chmodSync(records, 0o777);
  const [, entry = ''] = image.entrypoint;
  const isRoot = process.getuid?.() === 0;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(image.root, entry),
      'run',
      'quickstart',
      ...SMALL.flatMap((each) => ['--set', each]),
      '--set',
      'generator.lagLimit=30s',
      '--set',
      'generator.agents=1',
      '--set',
      'gates=["connections.peak == 200","messages.lost == 0"]',
      '--out',
      join(records, 'run'),
      '--quiet',
    ],
    {
      encoding: 'utf8',
      cwd: records,
      env: { PATH: process.env.PATH, HOME: records },
      ...(isRoot ? { uid, gid } : {}),
    },
  );
  expect(stderr + stdout).toContain('PASSED');
  expect(status).toBe(0);
  expect(existsSync(join(records, 'run/report.html'))).toBe(true);
}, 300_000);

test.runIf(process.getuid?.() === 0)(
  'as the first process of a container it ends on SIGTERM, and leaves no zombies of those that it starts',
  async () => {
    const serve = [
      'serve',
      '--listen',
      'tcp://127.0.0.1:0',
      '--store',
      'memory',
      '--admin',
      'off',
      '--workers',
      '2',
    ];
    const container = startCommand('unshare', [
      '--pid',
      '--fork',
      '--mount-proc',
      process.execPath,
      'dist/cli/c2m.js',
      ...serve,
    ]);
    await container.said(/listening/);
    const childrenOf = (parent: number) => readProcesses().filter((each) => each.parent === parent);
    const [first] = childrenOf(container.pid);
    const before = childrenOf(first?.pid as number).map(({ pid }) => pid);
    expect(before).toHaveLength(2);

    process.kill(before[0] as number, 'SIGKILL');

    const remaining = () => childrenOf(first?.pid as number).map(({ pid }) => pid);
    await vi.waitFor(() => expect(remaining().filter((pid) => pid !== before[0])).toHaveLength(2), {
      timeout: 60_000,
    });
    expect(remaining()).not.toContain(before[0]);
    process.kill(first?.pid as number, 'SIGTERM');
    expect((await container.ended).status).toBe(0);
  },
  120_000,
);
