import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { downloadHeaders } from './download-headers.js';
import { type MediaAuthentication, userOf } from './identity.js';
import type { MediaConfig } from './media-config.js';
import { isHash, type MediaEntry } from './media-entry.js';
import type { MediaStore } from './media-store.js';
import { Refusal } from './refusal.js';
import type { Thumbnails } from './thumbnails.js';
import { announcedBy, receive, typeOf } from './upload-body.js';
import type { Upload } from './uploads.js';

export interface MediaCounts {
  uploads: number;
  downloads: number;
  /** By HTTP status. */
  refused: Record<string, number>;
}

interface Serving {
  config: MediaConfig;
  auth: MediaAuthentication;
  store: MediaStore;
  thumbnails: Thumbnails;
  counts: MediaCounts;
  /** The link of a file to whoever is sent it. */
  linkOf(hash: string): string;
}

interface MediaRequest {
  Params: { hash: string };
  Querystring: { key?: string };
}

/** PUT, GET (and HEAD) and DELETE of `/media/<hash>`. */
export function addMediaRoutes(app: FastifyInstance, serving: Serving): void {
  app.put<MediaRequest>('/media/:hash', (request, reply) => putFile(serving, request, reply));
  app.get<MediaRequest>('/media/:hash', (request, reply) => getFile(serving, request, reply));
  app.delete<MediaRequest>('/media/:hash', async (request, reply) => {
    const user = userOf(request, serving.auth);
    // Whether somebody else has the file is nobody's business.
    if (!(await serving.store.remove(user, hashOf(request)))) throw notYours();
    return reply.code(204).send();
  });
}

async function putFile(
  { config, auth, store, thumbnails, counts, linkOf }: Serving,
  request: FastifyRequest<MediaRequest>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const user = userOf(request, auth);
  const hash = hashOf(request);
  const answer = ({ type, bytes, thumbnail }: MediaEntry) => ({
    hash,
    link: linkOf(hash),
    type,
    bytes,
    thumbnail,
  });
  // Said twice, done once; but whoever only knows the name must show the content.
  const known = await store.renew(user, hash);
  if (known) return reply.headers({ connection: 'close' }).send(answer(known));
  const type = typeOf(request, config);
  const announced = announcedBy(request, config);
  const { uploads } = store;
  const upload = await uploads.begin(user, hash, announced.offset, announced.length);
  try {
    await receive(request, uploads, upload, announced);
    const thumbnail = type.startsWith('image/') ? await thumbnailOf(upload, type) : null;
    const entry = await store.keep(upload, announced.length, type, thumbnail);
    counts.uploads += 1;
    return reply.code(201).send(answer(entry));
  } finally {
    await uploads.end(upload);
  }

  async function thumbnailOf(ofUpload: Upload, image: string): Promise<string | null> {
    try {
      return await thumbnails.make(user, ofUpload.path, image);
    } catch (error) {
      const isRefused = error instanceof Refusal && error.statusCode === 415;
      if (isRefused) await uploads.drop(ofUpload);
      // It came whole, and waits for its thumbnail: the client goes on with nothing behind it.
      else if (error instanceof Refusal) error.headers['upload-offset'] = String(announced.length);
      throw error;
    }
  }
}

/** For its owner, or for whoever has the link. @throws Refusal for everybody else */
async function getFile(
  { config, auth, store, counts }: Serving,
  request: FastifyRequest<MediaRequest>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const hash = hashOf(request);
  const { key } = request.query;
  const hasLink = typeof key === 'string' && store.keys.isKey(hash, key);
  const user = hasLink ? undefined : userOf(request, auth);
  // Looked at before the disk: a file of somebody else is as quickly not there as none.
  const mayRead = user === undefined || store.isOwner(user, hash);
  const entry = mayRead ? await store.find(hash) : undefined;
  if (!entry) {
    if (user === undefined) throw new Refusal(404, 'NotFound', 'the file is gone, or was never there');
    throw notYours({ 'upload-offset': String(await store.uploads.bytesOf(user, hash)) });
  }
  if (request.method === 'GET') counts.downloads += 1;
  reply.headers(downloadHeaders(entry, hasLink ? 'link' : 'owner', config.retentionMs));
  return reply.sendFile(hash, { contentType: false, cacheControl: false });
}

function hashOf({ params }: FastifyRequest<MediaRequest>): string {
  if (isHash(params.hash)) return params.hash;
  throw new Refusal(400, 'BadName', 'a file is named by the SHA-256 of its content, 64 hexadecimal digits');
}

/** The same for a file of somebody else and for none. */
function notYours(headers: Record<string, string> = {}): Refusal {
  return new Refusal(
    404,
    'NotFound',
    'you have no such file; a link that you were sent opens with its key',
    headers,
  );
}
