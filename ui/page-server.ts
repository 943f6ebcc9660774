import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { InputError } from '../record/input-error.js';
import { type Guard, guard } from './guard.js';

const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
/** A rate, a reason. */
const MOST_BODY_BYTES = 4096;
/** A browser has six a page. */
const MOST_CONNECTIONS = 128;

/** A server for the pages of one user of this machine. */
export interface PageServer {
  readonly app: FastifyInstance;
  readonly guard: Guard;
  /**
   * On loopback.
   * @param port 0: one that is free
   * @returns where the page is entered
   * @throws InputError
   */
  listen(port: number): Promise<string>;
  /** What is still under way is cut off. */
  close(): Promise<void>;
}

/** @param policy Content-Security-Policy of its pages */
export function pageServer(policy: string): PageServer {
  const app = fastify({
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    forceCloseConnections: true,
    // A page that follows a run has no head without its body.
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1024 },
    // No hook sees what cannot be taken apart: nothing of it is repeated.
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      reply.code(400).type('text/plain; charset=utf-8').send('This is no address.\n');
    },
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  // A form of another site may send text, and no JSON without asking first.
  app.removeContentTypeParser('text/plain');
  const guarding = guard(app, policy);
  return {
    app,
    guard: guarding,
    listen: async (port) => {
      try {
        await app.listen({ host: '127.0.0.1', port });
      } catch (error) {
        await app.close();
        throw new InputError(
          `port ${port} of 127.0.0.1 cannot be had for the page (${(error as NodeJS.ErrnoException).code}); name another one, or none to get a free one`,
        );
      }
      const { port: taken } = app.server.address() as { port: number };
      return guarding.addressAt(taken);
    },
    close: () => app.close(),
  };
}
