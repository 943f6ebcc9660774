import type { MediaEntry } from './media-entry.js';

/**
 * What a browser may do with a file: nothing but keep it. And what may be kept on the way: what has a link is for
 * everybody with the link, until it is deleted; what its owner fetches by name is for nobody else.
 */
export function downloadHeaders(
  { type, hash, storedAtMs }: MediaEntry,
  access: 'link' | 'owner',
  retentionMs: number,
): Record<string, string> {
  const leftSeconds = Math.max(0, Math.floor((storedAtMs + retentionMs - Date.now()) / 1000));
  return {
    'content-type': type,
    'content-disposition': `attachment; filename="${hash.slice(0, 16)}.${type.split('/')[1]?.replace(/[^a-z0-9]/g, '')}"`,
    'cache-control': access === 'link' ? `public, max-age=${leftSeconds}, immutable` : 'private, no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'same-origin',
  };
}
