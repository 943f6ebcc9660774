import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { mediaSchema } from '../../../server/media/media-config.js';
import { MediaStore } from '../../../server/media/media-store.js';
import { testFolder } from '../../support/folder.js';
import {
  ANNA,
  BERT,
  download,
  nameOf,
  type Stored,
  startTestMedia,
  type TestMedia,
  upload,
} from '../../support/media.js';

const GOOD = randomBytes(3000);
const BAD = randomBytes(5000);
const BAD_NAME = nameOf(BAD);

/** A folder with two files, of a server that has ended. */
async function folderWithFiles(): Promise<string> {
  const { url, folder, media } = await startTestMedia();
  await upload(url, GOOD);
  await upload(url, BAD);
  await media.close();
  return folder;
}

function startLogged(folder: string): Promise<TestMedia & { log: () => string }> {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
  return startTestMedia({ folder }, log).then((started) => ({ ...started, log: () => lines.join('') }));
}

const damages: [string, (entry: string, content: string) => void][] = [
  ['two entries in one', (entry) => writeFileSync(entry, `${readFileSync(entry, 'utf8')}"}`)],
  ['an empty entry', (entry) => writeFileSync(entry, '')],
  ['an entry of wrong fields', (entry) => writeFileSync(entry, '{"hash":7,"owners":"all"}')],
  [
    'an entry of negative bytes',
    (entry) => writeFileSync(entry, readFileSync(entry, 'utf8').replace(':5000', ':-5000')),
  ],
  [
    'an entry of another file',
    (entry) => writeFileSync(entry, readFileSync(entry, 'utf8').replace(BAD_NAME, nameOf(GOOD))),
  ],
  [
    'an entry that is a folder',
    (entry) => {
      rmSync(entry);
      mkdirSync(entry);
    },
  ],
  ['an entry without content', (_entry, content) => rmSync(content)],
  ['content that was cut short', (_entry, content) => truncateSync(content, 10)],
  ['content without an entry', (entry) => rmSync(entry)],
];

describe('one damaged file stops nothing:', () => {
  test.each(damages)('%s is set aside at the start, and the log names the file', async (_name, damage) => {
    const folder = await folderWithFiles();
    const content = join(folder, BAD_NAME);
    damage(`${content}.json`, content);

    const { url, media, log } = await startLogged(folder);

    expect(log()).toContain(content);
    expect((await download(url, nameOf(GOOD), ANNA)).status).toBe(200);
    expect((await download(url, BAD_NAME, ANNA)).status).toBe(404);
    expect(media.stats()).toMatchObject({ files: 1, bytes: 3000 });
    expect(media.stats().damaged).toBeGreaterThan(0);
    expect(readdirSync(join(folder, 'damaged')).length).toBe(media.stats().damaged);
    // Its owner uploads it again, and has it.
    expect((await upload(url, BAD)).status).toBe(201);
    expect(Buffer.from(await (await download(url, BAD_NAME, ANNA)).arrayBuffer())).toEqual(BAD);
  });

  test('one that is damaged while the server runs is set aside when it is asked for', async () => {
    const { url, folder, media } = await startTestMedia();
    const { link } = (await (await upload(url, BAD)).json()) as Stored;
    writeFileSync(join(folder, `${BAD_NAME}.json`), '{"hash":');

    expect((await fetch(link)).status).toBe(404);

    expect(media.stats()).toMatchObject({ files: 0, bytes: 0, damaged: 2 });
    expect((await upload(url, BAD)).status).toBe(201);
    expect((await fetch(link)).status).toBe(200);
  });

  test('what a killed server left half written is cleared, and the files of others are left alone', async () => {
    const folder = await folderWithFiles();
    const half = `${BAD_NAME}.json.8b7a3c1e-0000-4000-8000-000000000000.new`;
    writeFileSync(join(folder, half), '{"ha');
    writeFileSync(join(folder, 'holiday.txt'), 'mine');

    const { media, log } = await startLogged(folder);

    expect(media.stats()).toMatchObject({ files: 2, damaged: 0 });
    expect(readdirSync(folder)).not.toContain(half);
    expect(readFileSync(join(folder, 'holiday.txt'), 'utf8')).toBe('mine');
    expect(log()).toContain('holiday.txt');
  });

  test('a secret that was cut short is refused by its name: everybody could make keys with it', async () => {
    const folder = await folderWithFiles();
    truncateSync(join(folder, 'secret'), 0);
    await expect(startTestMedia({ folder })).rejects.toThrow(join(folder, 'secret'));
  });
});

test('all of 3,000 files are seen under a limit of 1,024 open files', async () => {
  const folder = testFolder();
  for (let index = 0; index < 3000; index += 1) {
    const content = String(index);
    const hash = createHash('sha256').update(content).digest('hex');
    const entry = {
      hash,
      type: 'audio/ogg',
      bytes: content.length,
      owners: [1],
      storedAtMs: 1,
      thumbnail: null,
    };
    writeFileSync(join(folder, hash), content, { mode: 0o600 });
    writeFileSync(join(folder, `${hash}.json`), JSON.stringify(entry), { mode: 0o600 });
  }
  const script = `
    const { MediaStore } = await import('#dist/server/media/media-store.js');
    const { mediaSchema } = await import('#dist/server/media/media-config.js');
    const store = await MediaStore.open(process.argv[1], mediaSchema.parse({}), { warn() {}, error() {} });
    console.log(JSON.stringify(store.usage));`;
  const node = [process.execPath, '--input-type=module', '-e', script, folder];

  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'ulimit -n 1024; exec "$@"', 'sh', ...node]);

  expect(JSON.parse(stdout)).toMatchObject({ files: 3000, damaged: 0 });
});

test('folders and files are closed to other users of the machine, and one that was open is told', async () => {
  const folder = await folderWithFiles();
  const paths = () => readdirSync(folder).map((name) => join(folder, name));
  const open = () => [folder, ...paths()].filter((path) => (statSync(path).mode & 0o077) !== 0);
  expect(open()).toEqual([]);
  chmodSync(folder, 0o755);
  for (const path of paths()) chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);

  const { log } = await startLogged(folder);

  expect(open()).toEqual([]);
  expect(log()).toContain(`${folder} was open to other users`);
});

describe('the age of a file', () => {
  async function storedAtMs(folder: string): Promise<number> {
    return JSON.parse(readFileSync(join(folder, `${BAD_NAME}.json`), 'utf8')).storedAtMs;
  }

  test.each([
    ['a new owner', BERT],
    ['its owner', ANNA],
  ])('begins anew when %s uploads it', async (_name, user) => {
    const folder = await folderWithFiles();
    const entry = join(folder, `${BAD_NAME}.json`);
    const old = Date.now() - 20 * 24 * 3600 * 1000;
    writeFileSync(entry, JSON.stringify({ ...JSON.parse(readFileSync(entry, 'utf8')), storedAtMs: old }));
    const { url } = await startTestMedia({ folder });
    const before = Date.now();

    expect((await upload(url, BAD, { user })).ok).toBe(true);

    expect(await storedAtMs(folder)).toBeGreaterThanOrEqual(before);
  });

  test('does not follow a clock that jumps a month ahead', async () => {
    const folder = await folderWithFiles();
    const store = await MediaStore.open(folder, mediaSchema.parse({}), pino({ level: 'silent' }));
    const ahead = Date.now() + 31 * 24 * 3600 * 1000;
    const clock = vi.spyOn(Date, 'now').mockReturnValue(ahead);
    try {
      await store.expire();
    } finally {
      clock.mockRestore();
    }
    expect(store.usage.files).toBe(2);
    store.close();
  });

  test('ends it for all when it is past the retention time, also where one cannot be deleted', async () => {
    const folder = await folderWithFiles();
    for (const name of [BAD_NAME, nameOf(GOOD)]) {
      const entry = join(folder, `${name}.json`);
      writeFileSync(entry, JSON.stringify({ ...JSON.parse(readFileSync(entry, 'utf8')), storedAtMs: 1 }));
    }
    const store = await MediaStore.open(folder, mediaSchema.parse({}), pino({ level: 'silent' }));
    // A folder in the place of the first is no file that can be deleted.
    const [first = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'));
    rmSync(join(folder, first));
    mkdirSync(join(folder, first));

    await store.expire();

    expect(store.usage.files).toBe(1);
    store.close();
  });
});

test('a folder of files is one server’s alone, until that has ended', async () => {
  const { folder, media } = await startTestMedia();

  await expect(startTestMedia({ folder })).rejects.toThrow(`${folder} is in use by process ${process.pid}`);

  await media.close();
  await startTestMedia({ folder });
});
