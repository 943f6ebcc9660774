import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ServerLog } from '../../lab/server-log.js';
import { testFolder } from '../support/folder.js';

const KEPT_BYTES = 2 * 2 ** 20;

/** What is in the file after so many numbered lines of 32 bytes were written, in pieces of this size. */
function logOf(lines: number, pieceBytes: number): { text: string; all: string } {
  const all = Array.from({ length: lines }, (_, line) => `${String(line).padEnd(31, '.')}\n`).join('');
  const log = new ServerLog(join(testFolder(), 'server.log'));
  const bytes = Buffer.from(all);
  for (let at = 0; at < bytes.length; at += pieceBytes) log.write(bytes.subarray(at, at + pieceBytes));
  log.close();
  return { text: readFileSync(log.path, 'utf8'), all };
}

test.each([
  [0, 100],
  [10, 100],
  [KEPT_BYTES / 32 + 3, 1000],
  [(2 * KEPT_BYTES) / 32, 4096],
])('up to 4 MiB all is kept: %i lines', (lines, pieceBytes) => {
  const { text, all } = logOf(lines, pieceBytes);
  expect(text === all).toBe(true);
});

test.each([1000, 64 * 1024, 3 * KEPT_BYTES])(
  'of more the beginning and the end are kept, and how much is missing: pieces of %i bytes',
  (pieceBytes) => {
    const { text, all } = logOf((5 * KEPT_BYTES) / 32 + 7, pieceBytes);
    const [beginning = '', end = ''] = text.split(/\n--- c2m: \d+ bytes are left out here ---\n/);
    expect(beginning === all.slice(0, KEPT_BYTES)).toBe(true);
    expect(end === all.slice(-KEPT_BYTES)).toBe(true);
    expect(text).toContain(`${all.length - 2 * KEPT_BYTES} bytes are left out`);
  },
);

test('the last lines can be told while it is written', () => {
  const log = new ServerLog(join(testFolder(), 'server.log'));
  log.write(Buffer.from('one\ntwo\n\nthr'));
  log.write(Buffer.from('ee\n'));
  log.note('killed');
  expect(log.lastLines(2)).toEqual(['three', '--- c2m: killed ---']);
  log.close();
});
