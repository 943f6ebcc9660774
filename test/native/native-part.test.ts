import { expect, test } from 'vitest';
import { nativePartRows } from '../../cli/native-parts.js';
import { MissingPartError, whyMissing } from '../../native/native-part.js';

test('a part that is missing is told with what it is for, and both ways out', () => {
  const { code, message } = new MissingPartError('lmdb', 'it is not installed');
  expect(code).toBe('C2M_MISSING_PART');
  expect(message).toBe(
    'lmdb is missing here (it is not installed), which keeps mailboxes on disk; install it with `npm install lmdb` beside ' +
      'c2m, or keep mailboxes in memory: c2m serve --store memory, or in a scenario target.embedded.store: memory',
  );
});

test('the doctor says of each what it is for, and of one that is missing what to do', () => {
  const [there, missing] = nativePartRows([
    { part: 'sharp', missing: null },
    { part: 'koffi', missing: 'it is not installed' },
  ]);
  expect(there).toEqual(['sharp', 'there: reads and makes pictures']);
  expect(missing?.[1]).toMatch(
    /missing.*\(it is not installed\): .*; npm install koffi, or keep mailboxes in memory/,
  );
});

test('those of this machine are there', async () => {
  for (const part of ['koffi', 'lmdb', 'sharp'] as const) expect(await whyMissing(part)).toBeNull();
});
