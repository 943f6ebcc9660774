import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { writtenHost } from '../../protocol/address.js';
import type { MediaStats } from '../../protocol/stats.js';
import { BAD_REQUEST, partWith } from '../gateway/graceful-close.js';
import { isOnlyRequest } from '../gateway/one-request.js';
import { connectionsThatFit } from './descriptors.js';
import type { MediaAuthentication } from './identity.js';
import type { MediaConfig } from './media-config.js';
import { addMediaRoutes, type MediaCounts } from './media-routes.js';
import { MediaStore } from './media-store.js';
import { asRefusal } from './refusal.js';
import { Thumbnails } from './thumbnails.js';

/** How long a request may take to say what it wants, and to say all of it. */
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 120_000;
/** How long nothing may happen on a connection, as of one that reads nothing; a thumbnail is made sooner. */
const STILL_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 5000;
const EXPIRY_EVERY_MS = 60_000;

export interface RunningMedia {
  port: number;
  stats(): MediaStats;
  /** Of the process that decodes pictures, once one has come. */
  thumbnailPid(): number | undefined;
  close(): Promise<void>;
}

/**
 * Files over HTTP, named by the SHA-256 of their content: PUT uploads, and goes on where it was broken off; GET, with
 * ranges, for the owner and for whoever has the link; DELETE for the owner.
 * @throws Error that names the port, the folder or the file which cannot be had
 */
export async function startMedia(
  config: MediaConfig,
  auth: MediaAuthentication,
  log: Logger = pino({ level: 'silent' }),
): Promise<RunningMedia> {
  const root = resolve(config.folder);
  const store = await MediaStore.open(root, config, log);
  const thumbnails = new Thumbnails(config.thumbnailMemoryBytes, log);
  const counts: MediaCounts = { uploads: 0, downloads: 0, refused: {} };
  const refused = (status: number) => {
    counts.refused[status] = (counts.refused[status] ?? 0) + 1;
  };
  const app = fastify({
    bodyLimit: config.maxBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: STILL_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 1000 },
    routerOptions: { maxParamLength: 64 },
    clientErrorHandler: (_error, socket) => partWith(socket, BAD_REQUEST),
  });
  boundConnections(app, config.connections, refused, log);
  app.addHook('onRequest', async (request, reply) => {
    if (!isOnlyRequest(request.raw, reply.raw)) reply.hijack();
  });
  // The body goes to disk as it comes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  await app.register(fastifyStatic, { root, serve: false });
  app.setErrorHandler((error: Error, _request, reply) => {
    const refusal = asRefusal(error);
    if (refusal.statusCode >= 500 && error !== refusal) log.error(error, error.message);
    refused(refusal.statusCode);
    // What was not read of the body would be taken for the next request.
    reply.code(refusal.statusCode).headers({ ...refusal.headers, connection: 'close' });
    return reply.send({ code: refusal.code, message: refusal.message });
  });
  app.setNotFoundHandler((_request, reply) => {
    refused(404);
    return reply.code(404).send({ code: 'NotFound', message: 'try /media/<sha-256 of the content>' });
  });
  const linkOf = (hash: string): string =>
    `${baseUrlOf(config, portOf(app))}/media/${hash}?key=${store.keys.keyOf(hash)}`;
  addMediaRoutes(app, { config, auth, store, thumbnails, counts, linkOf });
  const expiry = setInterval(
    () => {
      store.expire().catch((error: Error) => log.error(error, `media do not expire: ${error.message}`));
    },
    Math.min(EXPIRY_EVERY_MS, config.retentionMs),
  );
  const close = async () => {
    clearInterval(expiry);
    thumbnails.close();
    app.server.closeAllConnections();
    await app.close();
    store.close();
  };
  try {
    await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    port: portOf(app),
    stats: () => ({ ...store.usage, ...counts }),
    thumbnailPid: () => thumbnails.pid,
    close,
  };
}

/** What comes beyond the bound is closed by Node at once; running out of descriptors is told, and ends nothing. */
function boundConnections(
  app: FastifyInstance,
  wanted: number,
  refused: (status: number) => void,
  log: Logger,
): void {
  const fitting = connectionsThatFit();
  if (fitting < wanted) {
    log.warn(
      `media.connections: ${wanted} need more open files than this process may have; ${fitting} are taken (raise ulimit -n)`,
    );
  }
  app.server.maxConnections = Math.min(wanted, fitting);
  app.server.on('drop', () => refused(503));
  app.server.on('error', (error: Error) => log.error(error, `media: ${error.message}`));
}

function baseUrlOf({ baseUrl, host }: MediaConfig, port: number): string {
  return baseUrl?.replace(/\/+$/, '') ?? `http://${writtenHost(host)}:${port}`;
}

function portOf(app: FastifyInstance): number {
  return (app.server.address() as { port: number }).port;
}
