import { Transform } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { MediaConfig } from './media-config.js';
import { isDiskFull, Refusal } from './refusal.js';
import type { Upload, Uploads } from './uploads.js';

/** What a request says of its body before it comes, in bytes. */
export interface Announced {
  /** Where this request goes on. */
  offset: number;
  /** How long the whole file is to be. */
  length: number;
}

/** @throws Refusal */
export function announcedBy({ headers }: FastifyRequest, { maxBytes }: MediaConfig): Announced {
  const offset = Number(headers['upload-offset'] ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new Refusal(400, 'BadOffset', 'Upload-Offset is a number of bytes, as HEAD answers it');
  if (headers['content-length'] === undefined)
    throw new Refusal(411, 'LengthRequired', 'say how long the content is: Content-Length');
  const length = offset + Number(headers['content-length']);
  if (length > maxBytes) throw new Refusal(413, 'TooLarge', `a file may have ${maxBytes} bytes`);
  return { offset, length };
}

/** @throws Refusal for a type that is not taken */
export function typeOf({ headers }: FastifyRequest, { types }: MediaConfig): string {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (types.includes(type)) return type;
  throw new Refusal(415, 'TypeNotAllowed', `"${type}" is not taken; these are: ${types.join(', ')}`);
}

/**
 * Takes the body to disk, as far as it comes.
 * @throws Refusal where not all of it came, or it is not what its name says
 */
export async function receive(
  request: FastifyRequest,
  uploads: Uploads,
  upload: Upload,
  { offset, length }: Announced,
): Promise<void> {
  let left = length - offset;
  const guard = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length;
      done(left < 0 ? new Refusal(413, 'TooLarge', 'more came than was announced') : null, chunk);
    },
  });
  // Broken off: what has come is kept, for the client to go on behind it. It may have been while room was made.
  request.raw.once('close', () => guard.end());
  if (request.raw.destroyed) guard.end();
  else request.raw.pipe(guard);
  try {
    await uploads.append(upload, guard, offset);
  } catch (error) {
    // Half a file on a full disk helps nobody.
    if (isDiskFull(error)) await uploads.drop(upload);
    throw error;
  }
  const received = length - left;
  if (received < length) {
    throw new Refusal(400, 'Incomplete', `${received} of ${length} bytes came`, {
      'upload-offset': String(received),
    });
  }
  if (!(await uploads.isWhole(upload))) {
    await uploads.drop(upload);
    throw new Refusal(422, 'WrongHash', 'the content is not what its name says; begin again');
  }
}
