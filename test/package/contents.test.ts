import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';

let files: string[];
beforeAll(() => {
  const { stdout } = spawnSync(process.execPath, ['scripts/package-size.mjs', '--json'], {
    encoding: 'utf8',
  });
  files = JSON.parse(stdout).files;
});

test('the package has what runs, its scenarios, its docs and its examples, and nothing else', () => {
  const wanted = [
    /^dist\/(?!bench|declarations|test).*\.js$/,
    /^dist\/api\/index\.d\.ts$/,
    /^scenarios\/.*\.(yaml|mjs|sh|js)$/,
    /^record\/run\.schema\.json$/,
    /^examples\/[^/]+\/[^/]+$/,
    /^docs\/[^/]+\.md$/,
    /^(README|CHANGELOG)\.md$/,
    /^(LICENSE|package\.json)$/,
  ];
  expect(files.filter((file) => !wanted.some((each) => each.test(file)))).toEqual([]);
});

test('every scenario that ships is in it, with the code and the scripts that they name', () => {
  const shipped = readdirSync('scenarios', { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(yaml|mjs|sh|js)$/.test(file))
    .map((file) => `scenarios/${file}`);
  expect(files.filter((file) => file.startsWith('scenarios/')).sort()).toEqual(shipped.sort());
});

test('it has not grown by more than a quarter since somebody has looked', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/package-size.mjs'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  // For whoever reads the log of CI.
  console.info(stdout);
});
