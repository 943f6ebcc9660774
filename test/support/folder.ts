import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAllTests, afterEachTest } from './clean-up.js';

const made: string[] = [];
const kept: string[] = [];

/** An empty folder that is deleted after the test. */
export function testFolder(): string {
  return makeFolder(made);
}

/** The same for what all tests of a file share: it is deleted after the last of them. */
export function keptFolder(): string {
  return makeFolder(kept);
}

function makeFolder(of: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-test-'));
  of.push(folder);
  return folder;
}

afterEachTest('folders', () => clear(made));
afterAllTests('folders', () => clear(kept));

function clear(folders: string[]): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
