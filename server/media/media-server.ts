import { resolve } from 'node:path';
import { Transform } from 'node:stream';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { MediaStats } from '../../protocol/stats.js';
import type { ServerConfig } from '../config.js';
import { isAuthentic } from '../gateway/authentication.js';
import { BAD_REQUEST, partWith } from '../gateway/graceful-close.js';
import type { MediaConfig } from './media-config.js';
import { type MediaEntry, MediaStore } from './media-store.js';
import { NotAnImageError, thumbnailOf } from './thumbnail.js';

/** How long a request may take to say what it wants, and to say all of it. */
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 120_000;
const EXPIRY_EVERY_MS = 60_000;

export interface RunningMedia {
  port: number;
  stats(): MediaStats;
  close(): Promise<void>;
}

/** A request that is refused; `code` is stable, the message says what would be right. */
class Refusal extends Error {
  constructor(
    readonly statusCode: number,
    readonly code: string,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

interface MediaRequest {
  Params: { hash: string };
  Querystring: { key?: string };
}

/**
 * Files over HTTP, named by the SHA-256 of their content: PUT uploads, and goes on where it was broken off; GET, with
 * ranges, for the owner and for whoever has the link; DELETE for the owner. Users say who they are by HTTP Basic
 * (RFC 7617): the number of the user, and the token of LOGIN. docs/media.md has the requests byte by byte.
 * @throws the system's error where the port or the folder cannot be had
 */
export async function startMedia(
  config: MediaConfig,
  auth: Pick<ServerConfig, 'token' | 'tokenPerUser'>,
): Promise<RunningMedia> {
  const root = resolve(config.folder);
  const store = await MediaStore.open(root);
  const counts = { uploads: 0, downloads: 0, refused: {} as Record<string, number> };
  /** Uploads that a connection is at. */
  const underWay = new Set<string>();
  const app = fastify({
    bodyLimit: config.maxBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 1000 },
    routerOptions: { maxParamLength: 64 },
    clientErrorHandler: (_error, socket) => partWith(socket, BAD_REQUEST),
  });
  // The body goes to disk as it comes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  await app.register(fastifyStatic, { root, serve: false });
  app.setErrorHandler((error: Error, _request, reply) => {
    const refusal = error instanceof Refusal ? error : asRefusal(error);
    const { statusCode } = refusal;
    counts.refused[statusCode] = (counts.refused[statusCode] ?? 0) + 1;
    // What was not read of the body would be taken for the next request.
    reply.code(statusCode).headers({ ...refusal.headers, connection: 'close' });
    return reply.send({ code: refusal.code, message: refusal.message });
  });
  app.setNotFoundHandler((_request, reply) => {
    counts.refused[404] = (counts.refused[404] ?? 0) + 1;
    return reply.code(404).send({ code: 'NotFound', message: 'try /media/<sha-256 of the content>' });
  });
  const linkOf = (hash: string): string =>
    `${config.baseUrl ?? `http://${config.host}:${portOf(app)}`}/media/${hash}?key=${store.keyOf(hash)}`;
  const answer = ({ hash, type, bytes, thumbnail }: MediaEntry) => ({
    hash,
    link: linkOf(hash),
    type,
    bytes,
    thumbnail,
  });

  app.put<MediaRequest>('/media/:hash', async (request, reply) => {
    const user = userOf(request, auth);
    const hash = hashOf(request);
    const known = await store.find(hash);
    // Said twice, done once; but whoever only knows the name must show the content.
    if (known?.owners.includes(user)) return reply.headers({ connection: 'close' }).send(answer(known));
    const type = typeOf(request, config);
    const upload = `${user} ${hash}`;
    if (underWay.has(upload))
      throw new Refusal(409, 'UploadUnderWay', 'this upload is under way on another connection');
    underWay.add(upload);
    // Once it is answered, or gone.
    reply.raw.once('close', () => underWay.delete(upload));
    const offset = await offsetOf(request, store, user, hash);
    const { length } = await receive(request, { store, config, user, hash, offset });
    const received = await store.partialBytes(user, hash);
    if (received < length) {
      throw new Refusal(400, 'Incomplete', `${received} of ${length} bytes came`, {
        'upload-offset': String(received),
      });
    }
    if (!(await store.isWhole(user, hash))) {
      await store.dropPartial(user, hash);
      throw new Refusal(422, 'WrongHash', 'the content is not what its name says; begin again');
    }
    const thumbnail = await imageOf(store, user, hash, type);
    const entry = await store.keep(user, hash, type, thumbnail);
    counts.uploads += 1;
    return reply.code(201).send(answer(entry));
  });

  app.get<MediaRequest>('/media/:hash', async (request, reply) => {
    const entry = await accessible(request, store, auth);
    if (request.method === 'GET') counts.downloads += 1;
    reply.headers(downloadHeaders(entry));
    return reply.sendFile(entry.hash, { contentType: false, maxAge: config.retentionMs, immutable: true });
  });

  app.delete<MediaRequest>('/media/:hash', async (request, reply) => {
    const user = userOf(request, auth);
    const entry = await store.find(hashOf(request));
    if (!entry) throw new Refusal(404, 'NotFound', 'there is no such file');
    if (!entry.owners.includes(user))
      throw new Refusal(403, 'NotYours', 'only who has uploaded a file may delete it');
    await store.remove(user, entry);
    return reply.code(204).send();
  });

  const expiry = setInterval(
    () => {
      store.expire(config.retentionMs).catch((error: Error) => app.log.error(error));
    },
    Math.min(EXPIRY_EVERY_MS, config.retentionMs),
  );
  await app.listen({ host: config.host, port: config.port });
  return {
    port: portOf(app),
    stats: () => ({ files: store.files, bytes: store.bytes, ...counts }),
    close: async () => {
      clearInterval(expiry);
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function portOf(app: FastifyInstance): number {
  return (app.server.address() as { port: number }).port;
}

function asRefusal(error: Error & { statusCode?: number; code?: string }): Refusal {
  const { statusCode = 500 } = error;
  return statusCode < 500
    ? new Refusal(statusCode, error.code ?? 'BadRequest', error.message)
    : new Refusal(500, 'InternalError', 'the file could not be kept; try again');
}

/** @throws Refusal where nobody says who they are, or it is not true */
function userOf({ headers }: FastifyRequest, auth: Pick<ServerConfig, 'token' | 'tokenPerUser'>): number {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(headers.authorization ?? '') ?? [];
  const [, name, token] = /^(\d{1,16}):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  const user = Number(name);
  if (name !== undefined && Number.isSafeInteger(user) && isAuthentic(auth, user, token ?? '')) return user;
  throw new Refusal(
    401,
    'AuthenticationFailed',
    'say who you are: Basic, with the number of the user and its token',
    {
      'www-authenticate': 'Basic realm="c2m media"',
    },
  );
}

function hashOf({ params }: FastifyRequest<MediaRequest>): string {
  if (/^[0-9a-f]{64}$/.test(params.hash)) return params.hash;
  throw new Refusal(400, 'BadName', 'a file is named by the SHA-256 of its content, 64 hexadecimal digits');
}

function typeOf({ headers }: FastifyRequest, { types }: MediaConfig): string {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (types.includes(type)) return type;
  throw new Refusal(415, 'TypeNotAllowed', `"${type}" is not taken; these are: ${types.join(', ')}`);
}

/** Where this request goes on. @throws Refusal where that is not where the last one ended */
async function offsetOf(
  { headers }: FastifyRequest,
  store: MediaStore,
  user: number,
  hash: string,
): Promise<number> {
  const offset = Number(headers['upload-offset'] ?? 0);
  if (offset === 0) return 0;
  const have = await store.partialBytes(user, hash);
  if (offset === have) return offset;
  throw new Refusal(409, 'WrongOffset', `go on at byte ${have}`, { 'upload-offset': String(have) });
}

interface Upload {
  store: MediaStore;
  config: MediaConfig;
  user: number;
  hash: string;
  offset: number;
}

/** Takes the body to disk, as far as it comes. @returns how long the whole file is to be */
async function receive(
  request: FastifyRequest,
  { store, config, user, hash, offset }: Upload,
): Promise<{ length: number }> {
  const announced = request.headers['content-length'];
  if (announced === undefined)
    throw new Refusal(411, 'LengthRequired', 'say how long the content is: Content-Length');
  const length = offset + Number(announced);
  if (length > config.maxBytes)
    throw new Refusal(413, 'TooLarge', `a file may have ${config.maxBytes} bytes`);
  if (store.bytes + length > config.totalBytes)
    throw new Refusal(507, 'StoreFull', 'there is no room for more files');
  let left = Number(announced);
  const guard = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length;
      done(left < 0 ? new Refusal(413, 'TooLarge', 'more came than was announced') : null, chunk);
    },
  });
  request.raw.pipe(guard);
  // Broken off: what has come is kept, for the client to go on behind it.
  request.raw.once('close', () => guard.end());
  await store.append(user, hash, guard, offset);
  return { length };
}

/** The thumbnail of an image; null for what is none. @throws Refusal where an image is not what it says */
async function imageOf(store: MediaStore, user: number, hash: string, type: string): Promise<string | null> {
  if (!type.startsWith('image/')) return null;
  try {
    return await thumbnailOf(store.partialPath(user, hash), type);
  } catch (error) {
    if (!(error instanceof NotAnImageError)) throw error;
    await store.dropPartial(user, hash);
    throw new Refusal(415, 'NotAnImage', error.message);
  }
}

/** The file, for its owner or for whoever has the link. @throws Refusal for everybody else */
async function accessible(
  request: FastifyRequest<MediaRequest>,
  store: MediaStore,
  auth: Pick<ServerConfig, 'token' | 'tokenPerUser'>,
): Promise<MediaEntry> {
  const hash = hashOf(request);
  const entry = await store.find(hash);
  const { key } = request.query;
  if (key !== undefined && store.isKey(hash, key)) {
    if (entry) return entry;
    throw new Refusal(404, 'NotFound', 'the file is gone, or was never there');
  }
  const user = userOf(request, auth);
  if (entry?.owners.includes(user)) return entry;
  // Whether somebody else has the file is nobody's business.
  const partial = await store.partialBytes(user, hash);
  throw new Refusal(404, 'NotFound', 'you have no such file; a link that you were sent opens with its key', {
    'upload-offset': String(partial),
  });
}

/** What a browser may do with it: nothing but keep it. */
function downloadHeaders({ type, hash }: MediaEntry): Record<string, string> {
  return {
    'content-type': type,
    'content-disposition': `attachment; filename="${hash.slice(0, 16)}.${type.split('/')[1]?.replace(/[^a-z0-9]/g, '')}"`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'same-origin',
  };
}
