import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { testFolder } from '../support/folder.js';

const CHANGELOG = `# Changelog

## Unreleased

What is new.

- A line for users.

## 0.1.0 (2026-01-02)

- The first one.
`;

const PASSES = 'true';
let folder: string;

const git = (...argv: string[]): string =>
  execFileSync('git', argv, { cwd: folder, encoding: 'utf8' }).trim();
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);

function commit(): void {
  git('add', '--all');
  git('commit', '--quiet', '--message', 'As it is');
}

function release(...argv: string[]): { status: number | null; words: string } {
  const script = join(folder, 'scripts/release.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...argv], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, words: stdout + stderr };
}

/** A repository that has all that a release looks at, and nothing else. */
beforeEach(() => {
  folder = testFolder();
  git('init', '--quiet', '--initial-branch', 'main');
  git('config', 'user.name', 'Somebody');
  git('config', 'user.email', 'somebody@example.org');
  cpSync('scripts', join(folder, 'scripts'), { recursive: true });
  const scripts = { check: PASSES, test: PASSES, api: PASSES, 'package-size': PASSES };
  write('package.json', JSON.stringify({ name: 'c2m', version: '0.1.0', scripts }, null, 2));
  write('package-lock.json', JSON.stringify({ version: '0.1.0', packages: { '': { version: '0.1.0' } } }));
  write('CHANGELOG.md', CHANGELOG);
  commit();
});

describe('a release', () => {
  test('changes nothing unless it is told to, and says what it would do', () => {
    const before = git('rev-parse', 'HEAD');
    const { status, words } = release('minor');
    expect(status).toBe(0);
    expect(words).toContain('c2m 0.1.0 -> 0.2.0');
    expect(words).toContain('Nothing was changed. With --do it would run npm run check, npm test,');
    expect([git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('tag')]).toEqual([before, '', '']);
  });

  test('gives what is unreleased a section, the package its version, and both a commit and a tag', () => {
    const { status, words } = release('minor', '--do');
    expect(words).toContain('git push --follow-tags origin main');
    expect(words).toContain('package.json needs `repository`');
    expect(status).toBe(0);
    const today = new Date().toISOString().slice(0, 10);
    expect(read('CHANGELOG.md')).toBe(
      CHANGELOG.replace('## Unreleased\n', `## Unreleased\n\n## 0.2.0 (${today})\n`),
    );
    expect(JSON.parse(read('package.json')).version).toBe('0.2.0');
    expect(JSON.parse(read('package-lock.json'))).toEqual({
      version: '0.2.0',
      packages: { '': { version: '0.2.0' } },
    });
    expect(git('status', '--porcelain')).toBe('');
    expect(git('log', '-1', '--format=%s')).toBe('Release 0.2.0');
    expect(git('tag', '--list', '--format=%(contents)', 'v0.2.0')).toBe(
      'c2m 0.2.0\n\nWhat is new.\n\n- A line for users.',
    );
  });

  test('may be the first of the version that is there', () => {
    write('CHANGELOG.md', '# Changelog\n\n## Unreleased\n\n- The first one.\n');
    commit();
    expect(release('0.1.0', '--do', '--checked').status).toBe(0);
    expect(git('tag')).toBe('v0.1.0');
  });

  test.each<[string, string[], () => void, string]>([
    ['without a version', [], () => undefined, 'write npm run release -- <major|minor|patch|1.2.3>'],
    ['of what is no version', ['next'], () => undefined, '"next" is no version'],
    ['of a version before', ['0.0.9'], () => undefined, '0.0.9 comes before 0.1.0'],
    ['with a flag that it does not know', ['minor', '--now'], () => undefined, '[--do] [--checked]'],
    ['of a tag that is there', ['0.2.0'], () => git('tag', 'v0.2.0'), 'there is a tag v0.2.0 already'],
    [
      'of another branch',
      ['minor'],
      () => git('checkout', '--quiet', '-b', 'other'),
      'this is the branch other',
    ],
    ['of a tree that is not clean', ['minor'], () => write('new.txt', 'new'), 'not clean'],
    [
      'of nothing new',
      ['minor'],
      () => {
        write('CHANGELOG.md', '# Changelog\n\n## Unreleased\n\n## 0.1.0 (2026-01-02)\n');
        commit();
      },
      'nothing under Unreleased',
    ],
    [
      'of what does not pass its checks',
      ['minor', '--do'],
      () => {
        write('package.json', read('package.json').replace(PASSES, 'exit 3'));
        commit();
      },
      'npm run check failed; nothing was changed',
    ],
  ])('%s is refused, and nothing is changed', (_, argv, arrange, words) => {
    arrange();
    const before = [git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('tag')];
    const { status, words: told } = release(...argv);
    expect(told).toContain(words);
    expect(status).toBe(1);
    expect([git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('tag')]).toEqual(before);
  });
});

test('this project can be released: its changelog and its package are as the script wants them', () => {
  folder = join(testFolder(), 'clone');
  execFileSync('git', ['clone', '--quiet', '--no-tags', resolve('.'), folder]);
  git('config', 'user.name', 'Somebody');
  git('config', 'user.email', 'somebody@example.org');
  git('checkout', '--quiet', '-B', 'main');
  cpSync('scripts', join(folder, 'scripts'), { recursive: true });
  cpSync('CHANGELOG.md', join(folder, 'CHANGELOG.md'));
  if (git('status', '--porcelain') !== '') commit();
  const before = JSON.parse(read('package.json'));

  const { status, words } = release('99.0.0', '--do', '--checked');

  expect(words).toContain('committed and tagged v99.0.0');
  expect(status).toBe(0);
  expect(JSON.parse(read('package.json'))).toEqual({ ...before, version: '99.0.0' });
  expect(git('diff', '--stat', 'HEAD~1', '--', 'package-lock.json')).toContain(
    '2 insertions(+), 2 deletions(-)',
  );
});
