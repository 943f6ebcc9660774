import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { staleSource } from './build-when-stale.js';
import { testFolder } from './support/folder.js';

const BUILT = new Date('2026-01-02');
const BEFORE = new Date('2026-01-01');
const AFTER = new Date('2026-01-03');

/** A checkout with one source, which is built. */
function checkout(): { root: string; write(file: string, changed: Date): void } {
  const root = testFolder();
  const write = (file: string, changed: Date) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), file === 'tsconfig.build.json' ? '{"include":["cli","entries.ts"]}' : '');
    utimesSync(join(root, file), changed, changed);
  };
  write('tsconfig.build.json', BEFORE);
  for (const name of ['cli/c2m', 'entries']) {
    write(`${name}.ts`, BEFORE);
    write(`dist/${name}.js`, BUILT);
  }
  return { root, write };
}

test('what was built after the last change is not built again', () => {
  expect(staleSource(checkout().root)).toBeUndefined();
});

test('a source that was changed since is stale', () => {
  const { root, write } = checkout();
  write('cli/c2m.ts', AFTER);
  expect(staleSource(root)).toBe('cli/c2m.ts');
});

test('a source that was never built is stale', () => {
  const { root, write } = checkout();
  write('cli/html/new.ts', BEFORE);
  expect(staleSource(root)).toBe('cli/html/new.ts');
});

test('with other options of the compiler everything is stale', () => {
  const { root, write } = checkout();
  write('tsconfig.build.json', AFTER);
  expect(staleSource(root)).toBe('cli/c2m.ts');
});

test('this checkout is built before its tests run', () => {
  expect(staleSource()).toBeUndefined();
});
