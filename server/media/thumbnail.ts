import type { Metadata } from 'sharp';
import { loadPart } from '../../native/native-part.js';

const SIDE_PIXELS = 64;
const QUALITY = 40;
/** No library reads a picture with more in one piece on every machine. */
const MOST_PIXELS = 100_000_000;

/** What reads each type. Everything else that libvips can read (SVG, PDF, FITS …) is shut off: it is more to attack. */
const LOADERS: Record<string, string> = {
  'image/jpeg': 'VipsForeignLoadJpegFile',
  'image/png': 'VipsForeignLoadPngFile',
  'image/webp': 'VipsForeignLoadWebpFile',
  'image/gif': 'VipsForeignLoadNsgifFile',
  'image/tiff': 'VipsForeignLoadTiffFile',
};

/** The bytes of one sample of a pixel, by what libvips calls it. */
const SAMPLE_BYTES: Record<string, number> = { uchar: 1, char: 1, ushort: 2, short: 2 };
const LARGEST_SAMPLE_BYTES = 8;
/** A progressive JPEG is kept as coefficients of two bytes until its last scan, beside its samples. */
const COEFFICIENT_BYTES = 2;

/** What libvips says of a picture that it cannot hold; it has no codes. */
const TOO_LARGE = /pixel limit|out of memory/;

/** A picture that is refused; the message says why. */
export class PictureError extends Error {
  constructor(
    readonly code: 'NotAnImage' | 'ImageTooLarge',
    message: string,
  ) {
    super(message);
  }
}

/** Once in a process: pictures are decoded one at a time, and nothing of them is kept. @throws MissingPartError */
export function prepareDecoding(): void {
  const sharp = loadPart('sharp');
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: Object.values(LOADERS) });
}

/**
 * A JPEG of at most 64 pixels a side, as Base64, about a kilobyte: small enough to go with a message.
 * @param type such as `image/png`, which the content must be
 * @param mostDecodedBytes what the picture may take in memory; known from its head, before it is decoded
 * @throws PictureError
 */
export async function thumbnailOf(path: string, type: string, mostDecodedBytes: number): Promise<string> {
  try {
    if (!LOADERS[type]) throw new PictureError('NotAnImage', `${type} is no picture that can be looked at`);
    const image = loadPart('sharp')(path, { limitInputPixels: MOST_PIXELS, sequentialRead: true });
    const metadata = await image.metadata();
    if (`image/${metadata.format}` !== type)
      throw new PictureError('NotAnImage', `it is ${metadata.format}, and was sent as ${type}`);
    const bytes = decodedBytes(metadata);
    if (bytes > mostDecodedBytes) {
      const { width, height, channels, depth } = metadata;
      throw new PictureError(
        'ImageTooLarge',
        `${width} x ${height} pixels of ${channels} channels (${depth}) are ${bytes} bytes once decoded, of ${mostDecodedBytes}; send a smaller picture`,
      );
    }
    const small = await image
      .rotate()
      .resize(SIDE_PIXELS, SIDE_PIXELS, { fit: 'inside' })
      .jpeg({ quality: QUALITY })
      .toBuffer();
    return small.toString('base64');
  } catch (error) {
    if (error instanceof PictureError) throw error;
    const { message } = error as Error;
    throw new PictureError(TOO_LARGE.test(message) ? 'ImageTooLarge' : 'NotAnImage', message);
  }
}

/** All of the picture at once, which an interlaced one needs. */
function decodedBytes({ width, height, channels, depth, format, isProgressive }: Metadata): number {
  const sampleBytes = SAMPLE_BYTES[depth] ?? LARGEST_SAMPLE_BYTES;
  const coefficients = format === 'jpeg' && isProgressive ? COEFFICIENT_BYTES : 0;
  return width * height * channels * (sampleBytes + coefficients);
}
