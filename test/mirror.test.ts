import { existsSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { expect, test } from 'vitest';
import { filesIn } from './support/source-files.js';

/** Whole hosts in networks of their own, and the package as others install it: they are of all folders. */
const OF_ALL_FOLDERS = /^(hosts|package)\b/;

test('the tests of a folder are in the folder of the same name', () => {
  const astray = filesIn('test', '.test.ts')
    .map((file) => relative('test', file))
    .filter((file) => !OF_ALL_FOLDERS.test(file) && !existsSync(dirname(file)));
  expect(astray).toEqual([]);
});
