import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { publicUserKey, userSeedIn } from '../../../scenarios/drivers/nkey.js';

/** What an Ed25519 key in PKCS #8 begins with; its seed follows (RFC 8410, section 7). */
const PKCS8_START = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Proves at each login that a client has the NKey. OpenSSL signs in some fifty microseconds, which a storm of logins can
 * bear; the client library of NATS does it in JavaScript, in milliseconds.
 */
export class Signer {
  readonly publicKey: string;
  readonly #key: KeyObject;

  /** @param seed a user's, as the schema of the settings has checked it */
  constructor(seed: string) {
    const bytes = userSeedIn(seed);
    if (!bytes) throw new Error('target.driver.nats.nkey: is not the seed of a user');
    this.#key = createPrivateKey({ key: Buffer.concat([PKCS8_START, bytes]), format: 'der', type: 'pkcs8' });
    const { x = '' } = createPublicKey(this.#key).export({ format: 'jwk' });
    this.publicKey = publicUserKey(Buffer.from(x, 'base64url'));
  }

  /** Of the nonce in an INFO, as a CONNECT wants it. */
  sign(nonce: string): string {
    return sign(null, Buffer.from(nonce), this.#key).toString('base64url');
  }
}
