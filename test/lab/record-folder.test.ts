import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { demandNoRecords, prepareRecordFolder } from '../../lab/record-folder.js';
import { InputError } from '../../record/input-error.js';
import { testFolder } from '../support/folder.js';

describe('the folder of a record', () => {
  test('belongs to one of those that ask for it at once', async () => {
    const folder = join(testFolder(), 'record');
    const asked = await Promise.allSettled([1, 2, 3].map(() => prepareRecordFolder(folder, false)));
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    for (const each of asked) {
      if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(InputError);
    }
  });

  test('is cleared of the record that is there only if somebody says so', async () => {
    const folder = testFolder();
    await writeFile(join(folder, 'run.json'), '{}');
    await writeFile(join(folder, 'run.json.part'), '{');
    await expect(prepareRecordFolder(folder, false)).rejects.toThrow('holds a run record already');
    expect(await readFile(join(folder, 'run.json'), 'utf8')).toBe('{}');
    await prepareRecordFolder(folder, true);
    expect(await readdir(folder)).toEqual(['timeline.ndjson']);
  });
});

test('a file is no folder for records, and that is a fault of the input', async () => {
  const file = join(testFolder(), 'file');
  await writeFile(file, '');
  await expect(demandNoRecords(file)).rejects.toThrow(InputError);
});
