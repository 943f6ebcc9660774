import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BENCH_ENTRY_NAMES, builtBenchEntry } from '../bench/entries.js';
import { builtEntry, ENTRY_NAMES, inheritedFlags } from '../entries.js';
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

/** Packages that are loaded with a built file, by what its modules import before they run. */
function packagesWith(entry: string): string[] {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const follow = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (?:.* from )?'([^']+)';$/gm,
    )) {
      if (name.startsWith('.')) follow(join(dirname(file), name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  };
  follow(entry);
  return [...packages].sort();
}

describe('a process that is started by the dozen loads what it needs, and checks what it is told elsewhere:', () => {
  test('an agent', () => expect(packagesWith(builtEntry('agent'))).toEqual(['hdr-histogram-js']));
  test('a worker or home of the server', () => expect(packagesWith(builtEntry('serverWorker'))).toEqual([]));
});

test('a child process is not given the code on the command line of its parent', () => {
  expect(inheritedFlags(['--cpu-prof', '--input-type=module', '-e', 'startServer()', '--expose-gc'])).toEqual(
    ['--cpu-prof', '--expose-gc'],
  );
  expect(inheritedFlags(['--eval=startServer()', '--print', 'startServer()', '--inspect'])).toEqual([
    '--inspect',
  ]);
});
