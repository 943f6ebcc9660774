import sharp from 'sharp';
import { type AttackContext, inLanes } from './attack-context.js';
import { ask, mediaFile } from './media-client.js';

/** Just below 50 million pixels: three channels of 16 bits make 290 MB of it. */
const SIDE_PIXELS = 7000;
const USER = 1000;
const AT_ONCE = 8;

let picture = Buffer.alloc(0);

/** An interlaced picture cannot be decoded line by line: all of it has to be in memory. */
export async function prepare(): Promise<void> {
  picture = await sharp({
    create: { width: SIDE_PIXELS, height: SIDE_PIXELS, channels: 3, background: '#456' },
    limitInputPixels: false,
  })
    .toColourspace('rgb16')
    .png({ progressive: true, compressionLevel: 9 })
    .toBuffer();
}

/** Eight at once, each a file of its own: what stands behind the end of a picture is not looked at. */
export async function uploadPictures(context: AttackContext): Promise<void> {
  let count = 0;
  await inLanes(AT_ONCE, context, async (lane) => {
    count += 1;
    const file = mediaFile(Buffer.concat([picture, Buffer.from(`${count}`)]), 'image/png');
    await ask(context, 'PUT', USER + lane, file);
  });
}
