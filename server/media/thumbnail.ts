import sharp from 'sharp';

const SIDE_PIXELS = 64;
const QUALITY = 40;
/** A file of a few kilobytes may claim to be a picture of gigabytes. */
const MOST_PIXELS = 50_000_000;

/** A file that is not the image that it says it is. */
export class NotAnImageError extends Error {
  readonly code = 'C2M_NOT_AN_IMAGE';
}

/**
 * A JPEG of at most 64 pixels a side, as Base64, about a kilobyte: small enough to go with a message.
 * @param type such as `image/png`, which the content must be
 * @throws NotAnImageError
 */
export async function thumbnailOf(path: string, type: string): Promise<string> {
  try {
    const image = sharp(path, { limitInputPixels: MOST_PIXELS, sequentialRead: true });
    const { format } = await image.metadata();
    if (`image/${format}` !== type) throw new NotAnImageError(`it is ${format}, and was sent as ${type}`);
    const small = await image
      .rotate()
      .resize(SIDE_PIXELS, SIDE_PIXELS, { fit: 'inside' })
      .jpeg({ quality: QUALITY })
      .toBuffer();
    return small.toString('base64');
  } catch (error) {
    if (error instanceof NotAnImageError) throw error;
    throw new NotAnImageError((error as Error).message);
  }
}
