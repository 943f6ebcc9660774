import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ANNA,
  BERT,
  beginUpload,
  codeOf,
  nameOf,
  remove,
  startTestMedia,
  upload,
} from '../../support/media.js';

const BLOCK = 4096;

describe('the room', () => {
  test('is taken by an upload before it has come, and given back when it is broken off', async () => {
    const { url, media } = await startTestMedia({ totalBytes: 300_000 });
    const content = randomBytes(200_000);
    const { breakOff } = beginUpload(url, nameOf(content), {
      length: content.length,
      beginning: content.subarray(0, 1000),
    });
    await expect.poll(() => media.stats().unfinishedBytes).toBeGreaterThan(200_000);

    expect(await codeOf(await upload(url, randomBytes(150_000), { user: BERT }))).toEqual([507, 'StoreFull']);

    breakOff();
    await expect.poll(() => media.stats().unfinishedBytes).toBeLessThan(10_000);
    expect((await upload(url, randomBytes(150_000), { user: BERT })).status).toBe(201);
  });

  test('is not passed by uploads at once', async () => {
    const { url, media, folder } = await startTestMedia({ totalBytes: 250_000 });

    const answers = await Promise.all(
      [3, 4, 5, 6, 7, 8].map((user) => upload(url, randomBytes(100_000), { user })),
    );

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 507, 507, 507, 507]);
    expect(media.stats()).toMatchObject({ files: 2, bytes: 200_000, unfinished: 0 });
    expect(readdirSync(join(folder, 'partial'))).toEqual([]);
  });

  test('of tiny files is counted in blocks of the disk, so their number is bounded', async () => {
    const { url } = await startTestMedia({ totalBytes: 4 * BLOCK });
    expect((await upload(url, randomBytes(10))).status).toBe(201);
    expect((await upload(url, randomBytes(10))).status).toBe(201);
    expect(await codeOf(await upload(url, randomBytes(10)))).toEqual([507, 'StoreFull']);
  });

  test('that was taken is known again after a restart: files, and what is left of uploads', async () => {
    const { url, folder, media } = await startTestMedia();
    await upload(url, randomBytes(100_000));
    const content = randomBytes(200_000);
    const { breakOff } = beginUpload(url, nameOf(content), {
      length: 200_000,
      beginning: content.subarray(0, 50_000),
    });
    await expect.poll(() => sizesIn(join(folder, 'partial'))).toEqual([50_000]);
    breakOff();
    await expect.poll(() => media.stats().unfinishedBytes).toBeLessThan(100_000);
    await media.close();

    const again = await startTestMedia({ folder, totalBytes: 200_000 });

    expect(again.media.stats()).toMatchObject({ files: 1, bytes: 100_000, unfinished: 1 });
    expect(await codeOf(await upload(again.url, randomBytes(60_000), { user: BERT }))).toEqual([
      507,
      'StoreFull',
    ]);
    expect((await upload(again.url, randomBytes(20_000), { user: BERT })).status).toBe(201);
  });

  test('for others on the disk is kept', async () => {
    const { url } = await startTestMedia({ keepFreeBytes: Number.MAX_SAFE_INTEGER });
    expect(await codeOf(await upload(url, randomBytes(10)))).toEqual([507, 'StoreFull']);
  });
});

describe('one user', () => {
  test('has a share of the room, and others have theirs still', async () => {
    const { url } = await startTestMedia({ userBytes: 150_000 });
    expect((await upload(url, randomBytes(100_000))).status).toBe(201);
    expect(await codeOf(await upload(url, randomBytes(100_000)))).toEqual([507, 'UserFull']);
    expect((await upload(url, randomBytes(100_000), { user: BERT })).status).toBe(201);
  });

  test('cannot pass its share with uploads at once', async () => {
    const { url, media } = await startTestMedia({ userBytes: 250_000 });
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => upload(url, randomBytes(100_000))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 507, 507, 507, 507]);
    expect(media.stats()).toMatchObject({ files: 2, unfinished: 0, unfinishedBytes: 0 });
  });

  test('has the share of a file back that it deletes', async () => {
    const { url } = await startTestMedia({ userBytes: 150_000 });
    const content = randomBytes(100_000);
    await upload(url, content);
    await remove(url, nameOf(content), ANNA);
    expect((await upload(url, randomBytes(100_000))).status).toBe(201);
  });

  test('has so many uploads under way and no more; one that was left lying makes room for a new one', async () => {
    const { url, media, folder } = await startTestMedia({ userUploads: 2 });
    const begin = () => {
      const content = randomBytes(50_000);
      return beginUpload(url, nameOf(content), { length: 50_000, beginning: content.subarray(0, 10) });
    };
    const first = begin();
    begin();
    await expect.poll(() => sizesIn(join(folder, 'partial'))).toEqual([10, 10]);

    expect(await codeOf(await upload(url, randomBytes(10)))).toEqual([429, 'TooManyUploads']);
    expect((await upload(url, randomBytes(10), { user: BERT })).status).toBe(201);

    first.breakOff();
    await expect.poll(async () => (await upload(url, randomBytes(10))).status).toBe(201);
    expect(media.stats().unfinished).toBe(1);
  });
});

// A symbolic link to the disk that is always full: Linux has one.
test.skipIf(!existsSync('/dev/full'))('a full disk is said with 507, and nothing stays behind', async () => {
  const { url, media, folder } = await startTestMedia();
  const content = randomBytes(100_000);
  symlinkSync('/dev/full', join(folder, 'partial', `${ANNA}-${nameOf(content)}`));

  expect(await codeOf(await upload(url, content))).toEqual([507, 'StoreFull']);

  expect(readdirSync(join(folder, 'partial'))).toEqual([]);
  expect(media.stats()).toMatchObject({ files: 0, unfinished: 0, unfinishedBytes: 0 });
  // There is room again.
  expect((await upload(url, content)).status).toBe(201);
});

function sizesIn(folder: string): number[] {
  return readdirSync(folder).map((name) => statSync(join(folder, name)).size);
}
