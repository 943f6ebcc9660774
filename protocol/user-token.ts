import { createHmac } from 'node:crypto';

/**
 * What a user presents where every user has a token of their own: HMAC-SHA256 (RFC 2104) over "c2m user ID" with the
 * server's secret, as base64url. Whoever has one of them can make no other.
 */
export function userToken(secret: string, user: number): string {
  return createHmac('sha256', secret).update(`c2m user ${user}`).digest('base64url');
}

/** What clients log in with: one token for all, or a secret from which the token of each follows. */
export interface Credentials {
  secret: string;
  isPerUser: boolean;
}

/** What `user` presents; empty where the server asks for nothing. */
export function tokenOf(credentials: Credentials | null, user: number): string {
  if (!credentials) return '';
  return credentials.isPerUser ? userToken(credentials.secret, user) : credentials.secret;
}
