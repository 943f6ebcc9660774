import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { userToken } from '../../../protocol/user-token.js';
import { testFolder } from '../../support/folder.js';
import {
  ANNA,
  BERT,
  basic,
  beginUpload,
  codeOf,
  nameOf,
  remove,
  SECRET,
  type Stored,
  startTestMedia as start,
  upload,
} from '../../support/media.js';

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

const VOICE = randomBytes(100_000);

test('downloads that do not wait for each other end their connection: each would hold a file open', async () => {
  const { url } = await start();
  const { link } = (await (await upload(url, VOICE)).json()) as Stored;
  const { pathname, search, port } = new URL(link);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  let answers = '';
  socket.on('data', (bytes) => {
    answers += bytes.toString('latin1');
  });

  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`.repeat(200));
  await new Promise((resolve) => socket.once('close', resolve));

  expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 429']);
  expect((await fetch(link)).status).toBe(200);
});

test('an upload that is broken off while room is made for it can be begun again', async () => {
  const { url } = await start();
  const { port } = new URL(url);
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    const head = [
      `PUT /media/${nameOf(VOICE)} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: ${basic(ANNA)}`,
      'Content-Type: audio/ogg',
      `Content-Length: ${VOICE.length}`,
    ];
    await new Promise((resolve) => socket.write(`${head.join('\r\n')}\r\n\r\n`, resolve));
    // At another moment of its beginning each time.
    for (let turn = 0; turn < attempt; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    socket.resetAndDestroy();
  }

  await expect.poll(async () => (await upload(url, VOICE)).status).toBe(201);
});

describe('an upload', () => {
  test('gives a link that opens the file to whoever has it', async () => {
    const { url } = await start();

    const answer = await upload(url, VOICE);
    const { link, bytes, type, thumbnail } = (await answer.json()) as Stored;

    expect([answer.status, bytes, type, thumbnail]).toEqual([201, 100_000, 'audio/ogg', null]);
    const download = await fetch(link);
    expect(Buffer.from(await download.arrayBuffer())).toEqual(VOICE);
    expect(download.headers.get('content-type')).toBe('audio/ogg');
    expect(download.headers.get('x-content-type-options')).toBe('nosniff');
    expect(download.headers.get('content-disposition')).toMatch(/^attachment; filename="[0-9a-f]{16}\.ogg"$/);
  });

  test('of an image comes with a thumbnail that is small enough for a message', async () => {
    const { url } = await start();
    const image = await sharp({ create: { width: 1600, height: 900, channels: 3, background: '#336699' } })
      .png()
      .toBuffer();

    const { thumbnail } = (await (await upload(url, image, { type: 'image/png' })).json()) as Stored;

    const small = Buffer.from(thumbnail ?? '', 'base64');
    expect(small.length).toBeLessThan(2000);
    expect(await sharp(small).metadata()).toMatchObject({ format: 'jpeg', width: 64, height: 36 });
  });

  test('said twice is done once, and the file of two users is kept once', async () => {
    const { url, media, folder } = await start();
    expect((await upload(url, VOICE)).status).toBe(201);
    expect((await upload(url, VOICE)).status).toBe(200);
    expect((await upload(url, VOICE, { user: BERT })).status).toBe(201);
    expect(media.stats()).toMatchObject({ files: 1, bytes: 100_000, uploads: 2 });

    const file = `${url}/media/${nameOf(VOICE)}`;
    expect((await remove(url, nameOf(VOICE), ANNA)).status).toBe(204);
    expect((await fetch(file, { headers: { authorization: basic(BERT) } })).status).toBe(200);
    expect((await remove(url, nameOf(VOICE), BERT)).status).toBe(204);
    expect(readdirSync(folder).sort()).toEqual(['owner', 'partial', 'secret']);
  });

  test('that was broken off goes on where it ended', async () => {
    const { url } = await start();
    const name = nameOf(VOICE);
    const authorization = basic(ANNA);
    const have = async () => {
      const head = await fetch(`${url}/media/${name}`, { method: 'HEAD', headers: { authorization } });
      return Number(head.headers.get('upload-offset'));
    };
    const broken = beginUpload(url, name, { length: 100_000, beginning: VOICE.subarray(0, 60_000) });
    await expect.poll(have).toBeGreaterThan(0);
    broken.breakOff();
    // What was on its way when the connection broke may still be on its way to the disk.
    const offsets = [-2, -1];
    while (offsets.at(-1) !== offsets.at(-2)) offsets.push(await have());
    const offset = offsets.at(-1) as number;

    const wrong = await upload(url, VOICE.subarray(offset - 1), {
      name,
      headers: { 'upload-offset': String(offset - 1) },
    });
    expect(await codeOf(wrong)).toEqual([409, 'WrongOffset']);
    const rest = await upload(url, VOICE.subarray(offset), {
      name,
      headers: { 'upload-offset': String(offset) },
    });

    expect(rest.status).toBe(201);
    const download = await fetch(((await rest.json()) as Stored).link);
    expect(Buffer.from(await download.arrayBuffer())).toEqual(VOICE);
  });
});

test('an upload that came whole, and could not be kept then, goes on with nothing behind it', async () => {
  const before = await start();
  await before.media.close();
  // As a server leaves it that had no time for the thumbnail of a picture, or was killed.
  writeFileSync(join(before.folder, 'partial', `${ANNA}-${nameOf(VOICE)}`), VOICE);
  const { url, media } = await start({ folder: before.folder });

  const answer = await upload(url, Buffer.alloc(0), {
    name: nameOf(VOICE),
    headers: { 'upload-offset': String(VOICE.length) },
  });

  expect(answer.status).toBe(201);
  expect(media.stats()).toMatchObject({ files: 1, bytes: 100_000, unfinished: 0 });
});

describe('a download', () => {
  test('may be of a range', async () => {
    const { url } = await start();
    const { link } = (await (await upload(url, VOICE)).json()) as Stored;

    const part = await fetch(link, { headers: { range: 'bytes=1000-1999' } });

    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 1000-1999/100000']);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(VOICE.subarray(1000, 2000));
    expect((await fetch(link, { headers: { range: 'bytes=100000-' } })).status).toBe(416);
  });
});

describe('refused is', () => {
  test.each([
    ['nobody', {}],
    ['a wrong token', { authorization: basic(ANNA, 'wrong') }],
    ['the token of somebody else', { authorization: basic(ANNA, userToken(SECRET, BERT)) }],
    ['the secret itself', { authorization: basic(ANNA, SECRET) }],
    ['noise', { authorization: 'Basic ????' }],
  ])('%s', async (_name, headers) => {
    const { url } = await start();
    const answer = await fetch(`${url}/media/${nameOf(VOICE)}`, {
      method: 'DELETE',
      headers: headers as never,
    });
    expect(await codeOf(answer)).toEqual([401, 'AuthenticationFailed']);
  });

  test('the file of another user, by name, by a wrong key, and to delete', async () => {
    const { url } = await start();
    await upload(url, VOICE);
    const file = `${url}/media/${nameOf(VOICE)}`;
    const authorization = basic(BERT);
    expect(await codeOf(await fetch(file, { headers: { authorization } }))).toEqual([404, 'NotFound']);
    expect(await codeOf(await fetch(`${file}?key=${'A'.repeat(22)}`))).toEqual([401, 'AuthenticationFailed']);
    expect(await codeOf(await remove(url, nameOf(VOICE), BERT))).toEqual([404, 'NotFound']);
    // Nor does the name alone make it his: he must show the content.
    const claim = await upload(url, randomBytes(10), { user: BERT, name: nameOf(VOICE) });
    expect(await codeOf(claim)).toEqual([422, 'WrongHash']);
  });

  test.each([
    '/media/../secret',
    '/media/..%2fsecret',
    '/media/%2e%2e%2fsecret',
    '/media/secret',
    `/media/${'a'.repeat(63)}%00`,
    '/secret',
    '//etc/passwd',
  ])('the path %s', async (path) => {
    const { url } = await start();
    const status = await new Promise<number>((resolve, reject) => {
      // As it is: fetch would tidy it up.
      request(url, { path, headers: { authorization: basic(ANNA) } }, (response) =>
        resolve(response.statusCode ?? 0),
      )
        .on('error', reject)
        .end();
    });
    expect([400, 404]).toContain(status);
  });

  test('what is too large, by its announcement and by what comes', async () => {
    const { url } = await start({ maxBytes: 50_000 });
    expect(await codeOf(await upload(url, VOICE))).toEqual([413, 'TooLarge']);
    const unannounced = await new Promise<number>((resolve, reject) => {
      const put = request(`${url}/media/${nameOf(VOICE)}`, {
        method: 'PUT',
        headers: { authorization: basic(ANNA), 'content-type': 'audio/ogg', 'transfer-encoding': 'chunked' },
      });
      put.on('response', (response) => resolve(response.statusCode ?? 0)).on('error', reject);
      put.end(VOICE.subarray(0, 10));
    });
    expect(unannounced).toBe(411);
  });

  test('a type that is not taken, and an image that is none', async () => {
    const { url } = await start();
    expect(await codeOf(await upload(url, VOICE, { type: 'text/html' }))).toEqual([415, 'TypeNotAllowed']);
    expect(await codeOf(await upload(url, VOICE, { type: 'image/png' }))).toEqual([415, 'NotAnImage']);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>');
    expect(await codeOf(await upload(url, svg, { type: 'image/png' }))).toEqual([415, 'NotAnImage']);
  });

  test('more than there is room for', async () => {
    const { url } = await start({ totalBytes: 150_000 });
    expect((await upload(url, VOICE)).status).toBe(201);
    expect(await codeOf(await upload(url, randomBytes(60_000)))).toEqual([507, 'StoreFull']);
  });

  test('content that is not what its name says', async () => {
    const { url, folder } = await start();
    expect(await codeOf(await upload(url, VOICE, { name: nameOf(Buffer.from('other')) }))).toEqual([
      422,
      'WrongHash',
    ]);
    expect(readdirSync(`${folder}/partial`)).toEqual([]);
  });
});

describe('what is kept on the way', () => {
  test('is nothing of what an owner fetches by name, and what has a link until its time is over', async () => {
    const { url } = await start({ retentionMs: 60_000 });
    const { link } = (await (await upload(url, VOICE)).json()) as Stored;

    const own = await fetch(`${url}/media/${nameOf(VOICE)}`, { headers: { authorization: basic(ANNA) } });
    const linked = await fetch(link);

    expect(own.headers.get('cache-control')).toBe('private, no-store');
    const [, seconds] =
      /^public, max-age=(\d+), immutable$/.exec(linked.headers.get('cache-control') ?? '') ?? [];
    expect(Number(seconds)).toBeGreaterThan(0);
    expect(Number(seconds)).toBeLessThanOrEqual(60);
  });
});

test('nobody learns from DELETE, GET or HEAD which files others have', async () => {
  const { url } = await start();
  await upload(url, VOICE);
  for (const method of ['DELETE', 'GET', 'HEAD']) {
    const [theirs, none] = await Promise.all(
      [nameOf(VOICE), nameOf(Buffer.from('nobody has this'))].map(async (hash) => {
        const answer = await fetch(`${url}/media/${hash}`, {
          method,
          headers: { authorization: basic(BERT) },
        });
        const headers = Object.fromEntries(answer.headers);
        return { status: answer.status, headers: { ...headers, date: '' }, body: await answer.text() };
      }),
    );
    expect(theirs?.status).toBe(404);
    expect(theirs).toEqual(none);
  }
});

test.skipIf(!hasIpv6)('a link opens where the port is an address of IPv6', async () => {
  const { media } = await start({ host: '::1' });
  const answer = await upload(`http://[::1]:${media.port}`, VOICE);
  const { link } = (await answer.json()) as Stored;
  expect(link).toMatch(/^http:\/\/\[::1\]:\d+\/media\//);
  expect((await fetch(link)).status).toBe(200);
});

test('a file is gone after the retention time', async () => {
  const { url, media } = await start({ retentionMs: 1000 });
  const { link } = (await (await upload(url, VOICE)).json()) as Stored;
  expect((await fetch(link)).status).toBe(200);
  await expect.poll(() => media.stats().files).toBe(0);
  expect((await fetch(link)).status).toBe(404);
});

test('a request that never says what it wants is closed', async () => {
  const { media } = await start();
  const socket = connect(media.port, '127.0.0.1');
  socket.write('GET /media/');
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.resume();
  await ended;
}, 60_000);

test('connections past the limit are closed at once and counted, and there is room when others have left', async () => {
  const { url, media } = await start({ connections: 2 });
  const open = () => {
    const socket = connect(media.port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    return { socket, closed: new Promise<void>((resolve) => socket.once('close', () => resolve())) };
  };
  const first = [open(), open()];
  await Promise.all(first.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));

  await open().closed;
  await expect.poll(() => media.stats().refused[503]).toBe(1);

  for (const { socket } of first) socket.destroy();
  await expect
    .poll(() =>
      upload(url, VOICE).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(201);
});

test('a flood of connections under a limit of 100 open files ends nothing', async () => {
  const script = `
    const { startMedia } = await import('#dist/server/media/media-server.js');
    const { mediaSchema } = await import('#dist/server/media/media-config.js');
    const config = mediaSchema.parse({ port: 0, folder: process.argv[1], keepFreeBytes: 0 });
    const media = await startMedia(config, { tokenPerUser: false });
    console.log(media.port);`;
  const node = [process.execPath, '--input-type=module', '-e', script, testFolder()];
  const server = spawn('/bin/sh', ['-c', 'ulimit -n 100; exec "$@"', 'sh', ...node]);
  try {
    const port = Number(await new Promise((resolve) => server.stdout.once('data', resolve)));
    const sockets = Array.from({ length: 300 }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    );
    await Promise.all(
      sockets.map(
        (socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve)),
      ),
    );
    for (const socket of sockets) socket.destroy();

    const status = () =>
      upload(`http://127.0.0.1:${port}`, VOICE).then(
        (answer) => answer.status,
        () => 0,
      );
    await expect.poll(status).toBe(201);
    expect(server.exitCode).toBeNull();
  } finally {
    server.kill('SIGKILL');
  }
});
