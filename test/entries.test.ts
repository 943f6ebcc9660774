import { existsSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { BENCH_ENTRY_NAMES, builtBenchEntry } from '../bench/entries.js';
import { builtEntry, ENTRY_NAMES } from '../entries.js';
import { sourceFiles } from './support/source-files.js';

/** Those that start processes, and the one that puts modules into the page of a report. */
const KNOW_BUILT_FILES = ['bench/entries.ts', 'entries.ts', 'reports/html/browser-script.ts'];

const built = [...ENTRY_NAMES.map(builtEntry), ...BENCH_ENTRY_NAMES.map(builtBenchEntry)];

test.each(built.map((path) => relative(resolve('dist'), path)))(
  '%s is built, from a source that is there',
  (path) => {
    expect(existsSync(resolve('dist', path))).toBe(true);
    expect(existsSync(path.replace(/\.js$/, '.ts'))).toBe(true);
  },
);

test('nothing else names a built file', () => {
  expect(sourceFiles().filter((file) => /['`]#dist\//.test(readFileSync(file, 'utf8')))).toEqual(
    KNOW_BUILT_FILES,
  );
});
