import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

async function scripts(): Promise<string[]> {
  const found = ['deploy', 'docs'].map(async (folder) => {
    const files = await readdir(folder, { recursive: true });
    return files.filter((file) => file.endsWith('.sh')).map((file) => join(folder, file));
  });
  return (await Promise.all(found)).flat();
}

test('the shell scripts are of the shell that every system has, and shellcheck has nothing to say of them', async () => {
  const files = await scripts();
  expect(files).toContain('deploy/two-laptops.sh');
  const found = await run('shellcheck', [
    '--shell=sh',
    '--enable=all',
    '--exclude=SC2250,SC2310',
    ...files,
  ]).catch((error: Error & { stdout: string }) => error);
  expect(found.stdout).toBe('');
});
