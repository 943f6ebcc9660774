import { timingSafeEqual } from 'node:crypto';
import { userToken } from '../../protocol/user-token.js';
import type { ServerConfig } from '../config.js';

/** True where `given` is what `user` must present; without a secret everybody is who they say. */
export function isAuthentic(
  { token, tokenPerUser }: Pick<ServerConfig, 'token' | 'tokenPerUser'>,
  user: number,
  given: string,
): boolean {
  if (token === undefined) return true;
  const expected = Buffer.from(tokenPerUser ? userToken(token, user) : token);
  const presented = Buffer.from(given);
  return presented.length === expected.length && timingSafeEqual(presented, expected);
}
