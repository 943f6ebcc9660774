import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { pino } from 'pino';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type DecodingLimits, ThumbnailChild } from '../../../server/media/thumbnail-child.js';
import { Thumbnails } from '../../../server/media/thumbnails.js';
import { testFolder } from '../../support/folder.js';
import { BERT, codeOf, type Stored, startTestMedia, upload } from '../../support/media.js';

const MIB = 2 ** 20;
const LIMITS: DecodingLimits = { memoryBytes: 512 * MIB, cpuMs: 30_000, wallMs: 60_000 };
const PNG = { type: 'image/png' };

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name), data]);
  const length = Buffer.alloc(4);
  const check = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** An interlaced PNG of zeros: its head says how much it is, its body is as short as zeros can be. */
function interlaced(side: number, bits: 8 | 16, colour: 'rgb' | 'rgba', content: Buffer): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([bits, colour === 'rgb' ? 2 : 6, 0, 0, 1], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', content),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** 173 MB once decoded, in 170 KB. */
function largePicture(): Buffer {
  const side = 7600;
  return interlaced(side, 8, 'rgb', deflateSync(Buffer.alloc(3 * side * (side + 20)), { level: 1 }));
}

function smallPicture(): Promise<Buffer> {
  return sharp({ create: { width: 300, height: 200, channels: 3, background: '#336699' } })
    .png()
    .toBuffer();
}

describe('a picture', () => {
  test('of 16 bits a sample, interlaced, that decodes to 513 MiB is refused by its head', async () => {
    const { url, media, folder } = await startTestMedia();
    const bomb = interlaced(8200, 16, 'rgba', deflateSync(randomBytes(1000)));

    expect(await codeOf(await upload(url, bomb, PNG))).toEqual([415, 'ImageTooLarge']);

    expect(media.stats()).toMatchObject({ files: 0, unfinished: 0 });
    expect(readdirSync(join(folder, 'partial'))).toEqual([]);
  });

  test('whose process is killed while it waits for the next is followed by others', async () => {
    const { url, media } = await startTestMedia();
    expect((await upload(url, await smallPicture(), PNG)).status).toBe(201);
    process.kill(media.thumbnailPid() as number, 'SIGKILL');

    const next = await upload(url, await smallPicture(), { ...PNG, user: BERT });

    expect(next.status).toBe(201);
    expect(((await next.json()) as Stored).thumbnail).not.toBeNull();
  });

  test.each([
    ['svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
    ['pdf', Buffer.from('%PDF-1.4\n1 0 obj\n<<>>\nendobj\n')],
  ])('in a format that is not taken (%s) is not even looked at', async (_name, content) => {
    const { url } = await startTestMedia();
    expect(await codeOf(await upload(url, content, PNG))).toEqual([415, 'NotAnImage']);
  });
});

describe('the process that decodes', () => {
  test('has so much memory and no more, by the kernel, and goes on with the next picture', async () => {
    const folder = testFolder();
    const [large, small] = [join(folder, 'large'), join(folder, 'small')];
    writeFileSync(large, largePicture());
    writeFileSync(small, await smallPicture());
    const make = (child: ThumbnailChild, path: string) =>
      child.make({ path, type: 'image/png', mostDecodedBytes: Number.MAX_SAFE_INTEGER });

    const child = await ThumbnailChild.start({ ...LIMITS, memoryBytes: 192 * MIB });

    expect(await make(child, large)).toMatchObject({ kind: 'refused', code: 'ImageTooLarge' });
    expect(await make(child, small)).toMatchObject({ kind: 'made' });
    child.kill();
  });

  test('is killed when a picture takes too much of the CPU, and when it does nothing', async () => {
    const path = join(testFolder(), 'large');
    writeFileSync(path, largePicture());
    const job = { path, type: 'image/png', mostDecodedBytes: Number.MAX_SAFE_INTEGER };

    const busy = await ThumbnailChild.start({ ...LIMITS, cpuMs: 20 });
    expect(await busy.make(job)).toEqual({ kind: 'died', message: 'it took more than 20 ms of CPU time' });
    expect(busy.isDead).toBe(true);

    const idle = await ThumbnailChild.start({ ...LIMITS, wallMs: 300 });
    process.kill(idle.pid as number, 'SIGSTOP');
    expect(await idle.make(job)).toEqual({ kind: 'died', message: 'it took more than 300 ms' });
  });

  test('makes one thumbnail at a time, and each user waits for one of another only', async () => {
    const folder = testFolder();
    const path = join(folder, 'small');
    writeFileSync(path, await smallPicture());
    const thumbnails = new Thumbnails(512 * MIB, pino({ level: 'silent' }));
    const order: number[] = [];
    const make = (user: number) =>
      thumbnails.make(user, path, 'image/png').then(() => {
        order.push(user);
      });

    await Promise.all([1, 1, 1, 2, 3].map(make));

    expect(order).toEqual([1, 1, 2, 3, 1]);
    thumbnails.close();
    await expect(thumbnails.make(1, path, 'image/png')).rejects.toMatchObject({ statusCode: 503 });
  });
});
