import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';

let files: string[];
let verdict: { status: number | null; words: string };
beforeAll(() => {
  const script = ['scripts/package-size.mjs', '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, script, { encoding: 'utf8' });
  const { packedBytes, unpackedBytes, ...package_ } = JSON.parse(stdout);
  files = package_.files;
  verdict = { status, words: stderr };
  // For whoever reads the log of CI.
  console.info(`the package: ${packedBytes} bytes packed, ${unpackedBytes} in ${files.length} files`);
});

test('the package has what runs, its scenarios, its docs and its examples, and nothing else', () => {
  const wanted = [
    /^dist\/(?!bench|declarations|test).*\.js$/,
    /^dist\/api\/index\.d\.ts$/,
    /^scenarios\/.*\.(yaml|mjs|sh|js|json)$/,
    /^record\/run\.schema\.json$/,
    /^examples\/[^/]+\/[^/]+$/,
    /^docs\/[^/]+\.md$/,
    /^deploy\/(?!Containerfile)/,
    /^(README|CHANGELOG)\.md$/,
    /^(LICENSE|package\.json)$/,
  ];
  expect(files.filter((file) => !wanted.some((each) => each.test(file)))).toEqual([]);
});

test('every scenario that ships is in it, with the code and the scripts that they name', () => {
  const shipped = readdirSync('scenarios', { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(yaml|mjs|sh|js|json)$/.test(file))
    .map((file) => `scenarios/${file}`);
  expect(files.filter((file) => file.startsWith('scenarios/')).sort()).toEqual(shipped.sort());
});

test('it has not grown by more than a quarter since somebody has looked', () => {
  expect(verdict, verdict.words).toMatchObject({ status: 0 });
});
