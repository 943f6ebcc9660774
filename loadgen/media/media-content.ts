import { createHash, type Hash, randomBytes } from 'node:crypto';
import { loadPart } from '../../native/native-part.js';

const SIDE_PIXELS = 320;
/** What makes each file another one. */
const TAG_BYTES = 16;

export interface MediaFile {
  /** In parts, which belong one after the other; most of them are shared with every other file. */
  body: readonly Buffer[];
  /** Of the body, SHA-256 in hexadecimal: the name of the file. */
  hash: string;
}

/**
 * Makes files that are images, each another one, all of one size. They differ in their last bytes only, and the hash of
 * what they share is computed once: a new file costs the same whatever its size, so it can be made when it is due.
 */
export class MediaContent {
  readonly #shared: Buffer;
  readonly #hashOfShared: Hash;

  private constructor(image: Buffer, bytes: number) {
    this.#shared = Buffer.alloc(bytes - TAG_BYTES);
    image.copy(this.#shared);
    this.#hashOfShared = createHash('sha256').update(this.#shared);
  }

  /**
   * @param bytes of a file; a small image is filled up behind its end, where decoders stop
   * @throws MissingPartError
   */
  static async of(bytes: number): Promise<MediaContent> {
    // Loaded where files are made: most runs have none.
    const sharp = loadPart('sharp');
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

  /** A file that there was never before. */
  make(): MediaFile {
    const tag = randomBytes(TAG_BYTES);
    return { body: [this.#shared, tag], hash: this.#hashOfShared.copy().update(tag).digest('hex') };
  }
}
