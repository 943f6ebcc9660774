import { createHmac } from 'node:crypto';

/**
 * What a user presents where every user has a token of their own: HMAC-SHA256 (RFC 2104) over "c2m user ID" with the
 * server's secret, as base64url. Whoever has one of them can make no other.
 */
export function userToken(secret: string, user: number): string {
  return createHmac('sha256', secret).update(`c2m user ${user}`).digest('base64url');
}
