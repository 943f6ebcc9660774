import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** 128 bits. */
const TOKEN_BYTES = 16;
/** Of the path below which everything is: browsers send cookies to every port of a host, but not to every path. */
const PLACE_BYTES = 6;
const COOKIE = 'c2m-page';

/** Who may look at a page of this machine, and who may ask for something on it. */
export interface Guard {
  /** Everything is below it: `/3f9a41c07b21/`. */
  readonly place: string;
  /** What the page has to show with whatever asks for a change. */
  readonly key: string;
  /** Where the page is entered, for a server at this port; the token is in it. */
  addressAt(port: number): string;
}

/**
 * Lets through whoever came in by the address with the token, and nobody else: not other users of the machine, who can reach
 * its loopback as well, and no page of another site, whatever name of a host it has got the browser to take for this machine.
 * @param policy Content-Security-Policy of every answer that does not set its own
 */
export function guard(app: FastifyInstance, policy: string): Guard {
  const [token, key] = [randomBytes(TOKEN_BYTES).toString('hex'), randomBytes(TOKEN_BYTES).toString('hex')];
  const place = `/${randomBytes(PLACE_BYTES).toString('hex')}/`;
  const isKnown = (request: FastifyRequest): boolean => isSame(cookieOf(request), token);

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    if (!isOwnHost(request.headers.host, request.socket.localPort))
      return refuse(reply, 'This server answers to the name of this machine alone.');
    const path = request.url.split('?')[0] ?? '';
    if (!path.startsWith(place)) return refuse(reply, 'Open the address that the terminal shows.');
    const { token: shown } = request.query as { token?: unknown };
    if (request.method === 'GET' && path === place && typeof shown === 'string' && isSame(shown, token)) {
      return enter(reply, token, place);
    }
    if (!isKnown(request)) return refuse(reply, 'Open the address that the terminal shows.');
    if (request.method === 'GET') return;
    const isOwn = request.headers.origin === undefined || request.headers.origin === originOf(request);
    if (!isOwn || !isSame(String(request.headers['x-c2m-key'] ?? ''), key))
      return refuse(reply, 'This was not asked for by the page itself.');
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/plain').send('There is no such page.\n'),
  );
  return { place, key, addressAt: (port) => `http://127.0.0.1:${port}${place}?token=${token}` };
}

/**
 * Takes the token for a cookie, so that it is in no address any more: the page itself goes on to the page. A redirect
 * would be part of whatever led here, and after a link on another site the browser would keep such a cookie to itself.
 */
function enter(reply: FastifyReply, token: string, place: string): FastifyReply {
  return reply
    .header('set-cookie', `${COOKIE}=${token}; Path=${place}; HttpOnly; SameSite=Strict`)
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>c2m</title><meta http-equiv="refresh" content="0; url=${place}"><p><a href="${place}">Go on</a></p></html>\n`,
    );
}

function refuse(reply: FastifyReply, words: string): FastifyReply {
  return reply.code(403).type('text/plain; charset=utf-8').send(`${words}\n`);
}

/** A name that somebody's DNS leads here, so that a page of that name could read ours, is none of these. */
export function isOwnHost(host: string | undefined, port: number | undefined): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].some(
    // Browsers leave the port of HTTP out.
    (name) => host === `${name}:${port}` || (port === 80 && host === name),
  );
}

function originOf({ headers }: FastifyRequest): string {
  return `http://${headers.host}`;
}

function cookieOf({ headers }: FastifyRequest): string {
  const cookies = (headers.cookie ?? '').split(/; */);
  return cookies.find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? '';
}

/** In a time that does not depend on how much of it is right. */
function isSame(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(first as Buffer, second as Buffer);
}
