import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { KeyedMutex } from '../../../server/media/keyed-mutex.js';
import { ANNA, BERT, download, nameOf, remove, startTestMedia, upload } from '../../support/media.js';

const ROUNDS = 10;

async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.arrayBuffer();
  return response.status;
}

describe('at once', () => {
  test('the same file of thirty users is kept for each of them, and once on disk', async () => {
    const { url, media, folder } = await startTestMedia({ connections: 100 });
    const content = randomBytes(20_000);
    const users = Array.from({ length: 30 }, (_, index) => index + 1);

    const uploaded = await Promise.all(users.map((user) => statusOf(upload(url, content, { user }))));
    const downloaded = await Promise.all(users.map((user) => statusOf(download(url, nameOf(content), user))));

    expect(new Set(uploaded)).toEqual(new Set([201]));
    expect(new Set(downloaded)).toEqual(new Set([200]));
    expect(media.stats()).toMatchObject({ files: 1, bytes: 20_000, unfinished: 0, unfinishedBytes: 0 });
    expect(readdirSync(folder).sort()).toEqual(
      [nameOf(content), `${nameOf(content)}.json`, 'owner', 'partial', 'secret'].sort(),
    );
  });

  test('a file that one user deletes while another uploads it is there for the other', async () => {
    const { url, media } = await startTestMedia();
    for (let round = 0; round < ROUNDS; round += 1) {
      const content = randomBytes(5000);
      const hash = nameOf(content);
      await statusOf(upload(url, content, { user: ANNA }));

      const [put, gone] = await Promise.all([
        statusOf(upload(url, content, { user: BERT })),
        statusOf(remove(url, hash, ANNA)),
      ]);

      expect([put, gone]).toEqual([201, 204]);
      expect(Buffer.from(await (await download(url, hash, BERT)).arrayBuffer())).toEqual(content);
      expect(await statusOf(download(url, hash, ANNA))).toBe(404);
    }
    expect(media.stats()).toMatchObject({ files: ROUNDS, bytes: ROUNDS * 5000 });
  });

  test('an upload and a deletion of one user leave the whole file or none, and the count says which', async () => {
    const { url, media } = await startTestMedia();
    let kept = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const content = randomBytes(5000);
      const hash = nameOf(content);
      const [put, gone] = await Promise.all([
        statusOf(upload(url, content)),
        statusOf(remove(url, hash, ANNA)),
      ]);
      expect(put).toBe(201);
      const isThere = (await statusOf(download(url, hash, ANNA))) === 200;
      expect(isThere).toBe(gone === 404);
      kept += isThere ? 1 : 0;
    }
    expect(media.stats()).toMatchObject({ files: kept, bytes: kept * 5000 });
  });

  test('deletions of one file count it once, and the count never falls below nothing', async () => {
    const { url, media } = await startTestMedia();
    const content = randomBytes(5000);
    await statusOf(upload(url, content));

    const answers = await Promise.all([1, 2, 3, 4].map(() => statusOf(remove(url, nameOf(content), ANNA))));

    expect(answers.sort()).toEqual([204, 404, 404, 404]);
    expect(media.stats()).toMatchObject({ files: 0, bytes: 0 });
  });

  test('two uploads of one file by one user are told apart: the second is under way already', async () => {
    const { url, media } = await startTestMedia();
    const content = randomBytes(100_000);
    const answers = await Promise.all([1, 2, 3].map(() => statusOf(upload(url, content))));
    expect(answers.every((status) => [200, 201, 409].includes(status))).toBe(true);
    expect(answers).toContain(201);
    expect(media.stats()).toMatchObject({ files: 1, bytes: 100_000, unfinished: 0 });
  });
});

test('whoever works on a thing has it alone, in turn, also after one that failed; other things go on', async () => {
  const mutex = new KeyedMutex();
  const order: string[] = [];
  const work = (key: string, name: string, fails = false) =>
    mutex.run(key, async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} ends`);
      if (fails) throw new Error(name);
    });

  const all = [work('a', 'first', true), work('a', 'second'), work('b', 'other')];
  expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);

  expect(order.indexOf('second begins')).toBeGreaterThan(order.indexOf('first ends'));
  expect(order.indexOf('other begins')).toBeLessThan(order.indexOf('first ends'));
});
