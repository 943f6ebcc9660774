import { RunError } from '../run-error.js';
import type { HttpClient, HttpRequest } from './http-client.js';
import type { MediaFile } from './media-content.js';

const TYPE = 'image/jpeg';
const LONGEST_LINK = 2000;
/** Of an answer: a link, a thumbnail of a kilobyte or two, and some words. */
const LONGEST_ANSWER = 64 * 1024;
/** Of what a server says when it refuses. */
const LONGEST_REASON = 500;

/** What an upload is answered with. */
export interface StoredFile {
  link: string;
  thumbnail: string | null;
}

/** @param base path of the media port, without a slash at its end */
export function uploadOf({ body, hash }: MediaFile, base: string, authorization: string): HttpRequest {
  const headers = { authorization, 'content-type': TYPE };
  return { method: 'PUT', path: `${base}/media/${hash}`, headers, body, textBytes: LONGEST_ANSWER };
}

/**
 * Uploads a file before there is any load.
 * @throws RunError where the server does not take it
 */
export async function uploadFirst(client: HttpClient, url: URL, request: HttpRequest): Promise<StoredFile> {
  const outcome = await client.ask(request);
  if (outcome.kind !== 'answered') {
    const reason = outcome.kind === 'failed' ? outcome.reason : 'it accepted the request and said nothing';
    throw new RunError('C2M_RUN', `the media port ${url} does not answer (${reason}); correct target.media`);
  }
  const { status, text } = outcome;
  // To where a server would redirect, nobody has allowed load; nor is the token shown there.
  if (status >= 300 && status < 400)
    throw new RunError(
      'C2M_RUN',
      `the media port ${url} redirects elsewhere (${status}); correct target.media`,
    );
  if (status >= 400) {
    const words = text.slice(0, LONGEST_REASON);
    throw new RunError('C2M_RUN', `the media port refuses an upload with ${status}: ${words}`);
  }
  const file = readStoredFile(text);
  if (file) return file;
  throw new RunError('C2M_RUN', `${url} does not answer as a media port of c2m; correct target.media`);
}

/** Reads the answer to an upload; undefined where it is something else. */
export function readStoredFile(answer: string): StoredFile | undefined {
  try {
    const { link, thumbnail = null } = JSON.parse(answer) as Partial<StoredFile>;
    const isFile = typeof link === 'string' && URL.canParse(link) && link.length < LONGEST_LINK;
    const isImage = thumbnail === null || typeof thumbnail === 'string';
    return isFile && isImage ? { link, thumbnail } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
