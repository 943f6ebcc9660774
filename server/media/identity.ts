import type { FastifyRequest } from 'fastify';
import type { ServerConfig } from '../config.js';
import { isAuthentic } from '../gateway/authentication.js';
import { Refusal } from './refusal.js';

export type MediaAuthentication = Pick<ServerConfig, 'token' | 'tokenPerUser'>;

/**
 * Users say who they are by HTTP Basic (RFC 7617): the number of the user, and the token of LOGIN.
 * @throws Refusal where nobody says who they are, or it is not true
 */
export function userOf({ headers }: Pick<FastifyRequest, 'headers'>, auth: MediaAuthentication): number {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(headers.authorization ?? '') ?? [];
  const [, name, token] = /^(\d{1,16}):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  const user = Number(name);
  if (name !== undefined && Number.isSafeInteger(user) && isAuthentic(auth, user, token ?? '')) return user;
  throw new Refusal(
    401,
    'AuthenticationFailed',
    'say who you are: Basic, with the number of the user and its token',
    { 'www-authenticate': 'Basic realm="c2m media"' },
  );
}
