import { createHash, randomBytes } from 'node:crypto';
import sharp from 'sharp';

const SIDE_PIXELS = 320;

/** Makes files that are images, each another one, all of one size. */
export class MediaContent {
  readonly #image: Buffer;
  readonly #bytes: number;

  private constructor(image: Buffer, bytes: number) {
    this.#image = image;
    this.#bytes = bytes;
  }

  /** @param bytes of a file; a small image is filled up behind its end, where decoders stop */
  static async of(bytes: number): Promise<MediaContent> {
    const noise = { type: 'gaussian' as const, mean: 128, sigma: 20 };
    for (let side = SIDE_PIXELS; ; side = Math.floor(side / 2)) {
      const image = await sharp({
        create: { width: side, height: side, channels: 3, background: '#888', noise },
      })
        .jpeg({ quality: 60 })
        .toBuffer();
      if (image.length <= bytes - TAG_BYTES || side < 8) return new MediaContent(image, bytes);
    }
  }

  /** A file that there was never before, and its name. */
  make(): { content: Buffer; hash: string } {
    const content = Buffer.alloc(this.#bytes);
    this.#image.copy(content);
    randomBytes(TAG_BYTES).copy(content, this.#bytes - TAG_BYTES);
    return { content, hash: createHash('sha256').update(content).digest('hex') };
  }
}

/** What makes each file another one. */
const TAG_BYTES = 16;
