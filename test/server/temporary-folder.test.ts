import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { clearOwnerless, makeTemporaryFolder } from '../../server/temporary-folder.js';
import { testFolder } from '../support/folder.js';
import { folderOwner } from '../support/store-folder.js';

const OWNER = `
  import { writeFileSync } from 'node:fs';
  import { makeTemporaryFolder } from '#dist/server/temporary-folder.js';
  const { path } = await makeTemporaryFolder('c2m-target-', process.argv[1]);
  writeFileSync(path + '/mailboxes', 'of a run');
  console.log(path);
  process.stdin.resume();
`;

describe('a temporary folder', () => {
  test('is open to nobody else, and gone once it is removed', async () => {
    const parent = testFolder();
    const folder = await makeTemporaryFolder('c2m-server-', parent);
    writeFileSync(join(folder.path, 'file'), '');
    expect(statSync(folder.path).mode & 0o777).toBe(0o700);
    await folder.remove();
    expect(readdirSync(parent)).toEqual([]);
    // Whoever tidies up may have been faster.
    await folder.remove();
  });

  test('is cleared by the next once its owner was killed, and not before', async () => {
    const parent = testFolder();
    const owner = folderOwner(parent, { script: OWNER });
    const path = await owner.said;
    expect(await clearOwnerless(parent)).toEqual({ cleared: [], left: [] });
    await owner.kill();
    expect(existsSync(join(path, 'mailboxes'))).toBe(true);
    expect(await clearOwnerless(parent)).toEqual({ cleared: [path], left: [] });
    expect(readdirSync(parent)).toEqual([]);
  });

  test('is told of and cleared by c2m doctor', async () => {
    const parent = testFolder();
    const owner = folderOwner(parent, { script: OWNER });
    const path = await owner.said;
    await owner.kill();
    const { stdout } = await promisify(execFile)(process.execPath, ['dist/cli/c2m.js', 'doctor'], {
      env: { ...process.env, TMPDIR: parent, NO_COLOR: '1' },
    });
    expect(stdout).toMatch(/Left behind by runs that were killed\n {2}removed/);
    expect(stdout).toContain(path);
    expect(readdirSync(parent)).toEqual([]);
  });

  test('of somebody else is never touched: without our mark, with another name, or through a link', async () => {
    const parent = testFolder();
    const elsewhere = testFolder();
    writeFileSync(join(elsewhere, 'c2m-temporary'), '1\n');
    for (const name of ['c2m-target-AbCdEf', 'c2m-target-of-mine', 'c2m-other-AbCdEf']) {
      mkdirSync(join(parent, name));
      writeFileSync(join(parent, name, name === 'c2m-target-AbCdEf' ? 'file' : 'c2m-temporary'), '1\n');
    }
    symlinkSync(elsewhere, join(parent, 'c2m-server-LiNkIt'));
    const before = readdirSync(parent, { recursive: true });

    expect(await clearOwnerless(parent)).toEqual({ cleared: [], left: [] });

    expect(readdirSync(parent, { recursive: true })).toEqual(before);
    expect(readdirSync(elsewhere)).toEqual(['c2m-temporary']);
  });
});
