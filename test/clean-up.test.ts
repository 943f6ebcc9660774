import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { filesIn } from './support/source-files.js';

test('what tests share is cleaned up after every file of tests, and not after the first that loads it alone', () => {
  // A hook at the top of a module holds for the file that loads it first: one process runs many files and loads it once.
  const hooked = filesIn('test', '.ts')
    .filter((file) => !file.endsWith('.test.ts') && file !== 'test/support/clean-up-hooks.ts')
    .filter((file) => /^(before|after)(Each|All)\(/m.test(readFileSync(file, 'utf8')));
  expect(hooked).toEqual([]);
});
