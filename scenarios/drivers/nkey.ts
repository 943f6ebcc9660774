/** Of RFC 4648; no padding. */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BITS = 5;

/** What the bytes of a key begin with, so that its text begins with S or U. */
const SEED_PREFIX = 18 << 3;
const USER_PREFIX = 20 << 3;

const KEY_BYTES = 32;
const CHECKSUM_BYTES = 2;
/** A seed says in its prefix that it is one, and whose. */
const SEED_START = Buffer.from([SEED_PREFIX | (USER_PREFIX >>> BITS), (USER_PREFIX & 0b1_1111) << 3]);

/**
 * The Ed25519 seed in the text of a user's NKey, `SU…` (https://github.com/nats-io/nkeys).
 * @returns undefined where it is none: mistyped, or of an account, an operator, a server
 */
export function userSeedIn(text: string): Buffer | undefined {
  const bytes = decodeBase32(text);
  const behindKey = SEED_START.length + KEY_BYTES;
  if (bytes?.length !== behindKey + CHECKSUM_BYTES) return undefined;
  if (!bytes.subarray(0, SEED_START.length).equals(SEED_START)) return undefined;
  if (bytes.readUInt16LE(behindKey) !== checksum(bytes.subarray(0, behindKey))) return undefined;
  return bytes.subarray(SEED_START.length, behindKey);
}

/** A user's public key as servers name it, `U…`. */
export function publicUserKey(key: Uint8Array): string {
  const bytes = Buffer.concat([Buffer.from([USER_PREFIX]), key, Buffer.alloc(CHECKSUM_BYTES)]);
  const behindKey = bytes.length - CHECKSUM_BYTES;
  bytes.writeUInt16LE(checksum(bytes.subarray(0, behindKey)), behindKey);
  return encodeBase32(bytes);
}

function decodeBase32(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let rest = 0;
  for (const letter of text) {
    const value = BASE32.indexOf(letter);
    if (value < 0) return undefined;
    rest = (rest << BITS) | value;
    bits += BITS;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(rest >>> bits);
    rest &= (1 << bits) - 1;
  }
  return Buffer.from(bytes);
}

function encodeBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let rest = 0;
  for (const byte of bytes) {
    rest = (rest << 8) | byte;
    bits += 8;
    for (; bits >= BITS; bits -= BITS) text += BASE32[(rest >>> (bits - BITS)) & 0b1_1111];
    rest &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + BASE32[(rest << (BITS - bits)) & 0b1_1111];
}

/** CRC-16/XMODEM. */
function checksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x80_00) === 0 ? crc << 1 : (crc << 1) ^ 0x1_10_21;
  }
  return crc;
}
