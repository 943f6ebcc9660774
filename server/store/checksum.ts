import { crc32 } from 'node:zlib';
import { VALUE_OFFSET } from './home-store.js';

/**
 * Hot path. Writes into the first bytes of `value` a CRC-32 of the rest of it and of its key, so that neither a flipped
 * bit nor an entry under another's key is taken for what was written.
 */
export function seal(key: Buffer, value: Buffer): void {
  value.writeInt32LE(hashOf(key), 0);
  value.writeUInt32LE(crc32(value), 0);
}

/** Whether `value` is what was sealed under `key`. Its first bytes are no longer the seal afterwards. */
export function isWhole(key: Buffer, value: Buffer): boolean {
  if (value.length < VALUE_OFFSET) return false;
  const expected = value.readUInt32LE(0);
  value.writeInt32LE(hashOf(key), 0);
  return crc32(value) === expected;
}

/** FNV-1a, 32 bits (public domain, Fowler, Noll, Vo): the CRC over it does the rest. */
function hashOf(key: Buffer): number {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ (key[at] as number), 0x0100_0193);
  return hash;
}
