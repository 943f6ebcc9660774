import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { addToBranch } from '../../../record/branch/add-to-branch.js';
import { parseBranchAddress } from '../../../record/branch/branch-address.js';
import { readBranch } from '../../../record/branch/read-branch.js';
import { recordFixture, writeRecordFolder } from '../../fixtures/record.js';
import { testFolder } from '../../support/folder.js';

let repository: string;
let branch: string;

function git(...words: string[]): string {
  return execFileSync('git', words, { cwd: repository, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
}

beforeEach(() => {
  repository = testFolder();
  git('init', '--quiet', '--initial-branch', 'main');
  git('config', 'user.name', 'Somebody');
  git('config', 'user.email', 'somebody@example.org');
  writeFileSync(join(repository, 'work.txt'), 'a work tree\n');
  git('add', 'work.txt');
  git('commit', '--quiet', '--message', 'Begin');
  branch = git('rev-parse', '--abbrev-ref', 'HEAD').trim();
});

const address = (text: string) =>
  parseBranchAddress(text) as NonNullable<ReturnType<typeof parseBranchAddress>>;

/** A record of the fixture, begun at that minute. */
async function recordOf(minute: number, name = 'chat'): Promise<string> {
  const fixture = recordFixture((record) => {
    record.name = name;
    record.id = `0000000${minute}-0000-4000-8000-000000000000`;
    record.startedAt = `2026-03-14T09:0${minute}:00.000Z`;
  });
  const folder = await writeRecordFolder(fixture);
  writeFileSync(join(folder, 'summary.md'), '## ok\n');
  return folder;
}

async function add(minute: number, to: string, keep = 20, name = 'chat') {
  const folder = await recordOf(minute, name);
  try {
    return await addToBranch(folder, address(to), { keep, cwd: repository });
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a base line in a branch', () => {
  test('begins with its first record, and touches neither the work tree nor what is staged', async () => {
    writeFileSync(join(repository, 'work.txt'), 'changed\n');
    writeFileSync(join(repository, 'staged.txt'), 'staged\n');
    git('add', 'staged.txt');
    const before = git('status', '--porcelain');
    await add(1, 'branch:c2m-baseline:chat');
    expect(git('status', '--porcelain')).toBe(before);
    expect(git('rev-parse', '--abbrev-ref', 'HEAD').trim()).toBe(branch);
    expect(git('ls-tree', '-r', '--name-only', 'c2m-baseline').trim().split('\n')).toEqual([
      'chat/20260314T090100Z-00000001/run.json',
      'chat/20260314T090100Z-00000001/summary.md',
    ]);
    // It has nothing of the branch that it was made from.
    expect(git('rev-list', '--count', 'c2m-baseline').trim()).toBe('1');
    expect(readdirSync(repository)).not.toContain('chat');
  });

  test('is read in the order of time, of one folder', async () => {
    await add(2, 'branch:c2m-baseline:chat');
    await add(1, 'branch:c2m-baseline:chat');
    await add(3, 'branch:c2m-baseline:soak', 20, 'soak');
    const found = await readBranch(address('branch:c2m-baseline:chat'), repository);
    expect(found.map(({ record }) => record.startedAt)).toEqual([
      '2026-03-14T09:01:00.000Z',
      '2026-03-14T09:02:00.000Z',
    ]);
    expect(found[0]?.folder).toBe('branch:c2m-baseline:chat/20260314T090100Z-00000001');
    expect(await readBranch(address('branch:c2m-baseline:soak'), repository)).toHaveLength(1);
    const one = 'branch:c2m-baseline:chat/20260314T090200Z-00000002';
    expect(await readBranch(address(one), repository)).toMatchObject([{ folder: one }]);
  });

  test('keeps as many as it was told to, the newest, of that folder', async () => {
    await add(9, 'branch:c2m-baseline:soak', 20, 'soak');
    for (const minute of [1, 2, 3, 4]) await add(minute, 'branch:c2m-baseline:chat', 2);
    const left = await readBranch(address('branch:c2m-baseline:chat'), repository);
    expect(left.map(({ record }) => record.startedAt.slice(14, 16))).toEqual(['03', '04']);
    expect(await readBranch(address('branch:c2m-baseline:soak'), repository)).toHaveLength(1);
  });

  test('keeps as many wherever in the repository it is called', async () => {
    const below = join(repository, 'load', 'chat');
    mkdirSync(below, { recursive: true });
    for (const minute of [1, 2, 3]) {
      const folder = await recordOf(minute);
      await addToBranch(folder, address('branch:c2m-baseline:chat'), { keep: 1, cwd: below });
      await rm(folder, { recursive: true });
    }
    const left = await readBranch(address('branch:c2m-baseline:chat'), below);
    expect(left.map(({ record }) => record.startedAt.slice(14, 16))).toEqual(['03']);
  });

  test('has a record once, however often it was added', async () => {
    await add(1, 'branch:c2m-baseline');
    await add(1, 'branch:c2m-baseline');
    expect(await readBranch(address('branch:c2m-baseline'), repository)).toHaveLength(1);
  });

  test('is no branch that is checked out, whose work tree would have it as deleted', async () => {
    await expect(add(1, `branch:${branch}:chat`)).rejects.toMatchObject({
      code: 'C2M_INPUT',
      message: expect.stringContaining('name one of its own'),
    });
    expect(git('status', '--porcelain')).toBe('');
  });

  test('is that of origin where there is none here, and goes on from there', async () => {
    await add(1, 'branch:c2m-baseline:chat');
    const clone = join(testFolder(), 'clone');
    git('clone', '--quiet', '--branch', branch, '--single-branch', `file://${repository}`, clone);
    const inClone = (...words: string[]) =>
      execFileSync('git', words, { cwd: clone, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
    inClone('fetch', '--depth', '1', 'origin', '+refs/heads/c2m-baseline:refs/remotes/origin/c2m-baseline');
    const place = address('branch:c2m-baseline:chat');
    expect(await readBranch(place, clone)).toHaveLength(1);
    const folder = await recordOf(2);
    await addToBranch(folder, place, { keep: 20, cwd: clone });
    await rm(folder, { recursive: true });
    inClone('push', '--quiet', 'origin', 'refs/heads/c2m-baseline');
    expect(await readBranch(place, repository)).toHaveLength(2);
  });

  test('is committed also where git knows nobody', async () => {
    git('config', '--unset', 'user.name');
    git('config', '--unset', 'user.email');
    const home = process.env.HOME;
    process.env.HOME = testFolder();
    try {
      await add(1, 'branch:c2m-baseline');
    } finally {
      process.env.HOME = home;
    }
    expect(git('log', '--format=%s', 'c2m-baseline')).toMatch(
      /^Add chat of 2026-03-14T09:01:00.000Z \(passed\)/,
    );
  });
});

describe('what cannot be read says why', () => {
  test('a branch that is not there', async () => {
    await expect(readBranch(address('branch:nowhere'), repository)).rejects.toMatchObject({
      code: 'C2M_RECORD',
      message: expect.stringContaining('c2m baseline add DIR --to branch:nowhere'),
    });
  });

  test('a folder that is no repository', async () => {
    await expect(readBranch(address('branch:main'), testFolder())).rejects.toMatchObject({
      code: 'C2M_INPUT',
      message: expect.stringContaining('not a git repository'),
    });
  });

  test('a branch without records, and one with several sets', async () => {
    await expect(readBranch(address(`branch:${branch}`), repository)).rejects.toThrow('holds no run record');
    await add(1, 'branch:c2m-baseline:chat');
    await add(2, 'branch:c2m-baseline:soak', 20, 'soak');
    await expect(readBranch(address('branch:c2m-baseline'), repository)).rejects.toThrow(
      'holds records of several sets, in chat, soak; name one of these folders',
    );
  });

  test('a record that is none, and a link in the place of one', async () => {
    mkdirSync(join(repository, 'bad'));
    writeFileSync(join(repository, 'bad', 'run.json'), '{}');
    git('add', 'bad');
    git('commit', '--quiet', '--message', 'A record that is none');
    await expect(readBranch(address(`branch:${branch}:bad`), repository)).rejects.toThrow(
      'is not a c2m.run/1 record',
    );
    git('rm', '--quiet', '--force', 'bad/run.json');
    mkdirSync(join(repository, 'bad'), { recursive: true });
    execFileSync('ln', ['-s', '/etc/passwd', join(repository, 'bad', 'run.json')]);
    git('add', 'bad');
    git('commit', '--quiet', '--message', 'A link');
    await expect(readBranch(address(`branch:${branch}:bad`), repository)).rejects.toThrow(
      'holds no run record',
    );
  });
});

describe('the address of a branch', () => {
  test.each([
    ['branch:main', { branch: 'main', path: '' }],
    ['branch:team/c2m-baseline:a/b/', { branch: 'team/c2m-baseline', path: 'a/b' }],
    ['runs/before', undefined],
  ])('%s', (text, expected) => {
    expect(parseBranchAddress(text)).toEqual(expected);
  });

  test.each([
    'branch:',
    'branch:--upload-pack=evil',
    'branch:a..b',
    'branch:main:../secret',
    'branch:main:.git',
    'branch:a:b:c',
    'branch:main:a*',
    'branch:x@{1}',
  ])('%s is none', (text) => {
    expect(() => parseBranchAddress(text)).toThrow('write branch:NAME or branch:NAME:FOLDER');
  });
});
