import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { ProtocolViolation } from '../driver.js';

export type ScramHash = 'sha1' | 'sha256';

const KEY_BYTES: Record<ScramHash, number> = { sha1: 20, sha256: 32 };

/** More would keep an agent from its other clients for seconds. */
const MOST_ITERATIONS = 1_000_000;
/** Of about 200 bytes. What does not fit is worked out again at the next login. */
const MOST_KEYS = 16_384;

/** No channel is bound (RFC 5802, section 6): `n,,` in Base64. */
const GS2_HEADER = 'n,,';
const CHANNEL_BINDING = Buffer.from(GS2_HEADER).toString('base64');

/**
 * Salted passwords that were worked out before. Each costs thousands of hashes, on the server once in a user's life and here
 * at each login: a server that keeps a user's salt, or has one for all, costs that once.
 */
export class SaltedPasswords {
  readonly #known = new Map<string, Buffer>();

  of(hash: ScramHash, password: string, salt: string, iterations: number): Buffer {
    const key = `${hash} ${salt} ${iterations} ${password}`;
    const known = this.#known.get(key);
    if (known) return known;
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), iterations, KEY_BYTES[hash], hash);
    if (this.#known.size < MOST_KEYS) this.#known.set(key, salted);
    return salted;
  }
}

/** One login by SCRAM (RFC 5802, RFC 7677), from the client's side. */
export class ScramExchange {
  readonly #hash: ScramHash;
  readonly #password: string;
  readonly #nonce: string;
  readonly #clientFirst: string;
  readonly #passwords: SaltedPasswords;
  #serverSignature: Buffer | undefined;
  /** The server has shown that it knows the password as well. */
  isProven = false;

  constructor(hash: ScramHash, user: string, password: string, nonce: string, passwords: SaltedPasswords) {
    this.#hash = hash;
    this.#password = password;
    this.#nonce = nonce;
    this.#clientFirst = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
    this.#passwords = passwords;
  }

  first(): string {
    return GS2_HEADER + this.#clientFirst;
  }

  /** What the server says next. @returns the answer */
  answer(message: string): string {
    if (this.#serverSignature) {
      this.prove(message);
      return '';
    }
    const fields = fieldsOf(message);
    const [nonce = '', salt = '', iterationText = ''] = ['r', 's', 'i'].map((name) => fields.get(name));
    const iterations = /^[1-9]\d{0,6}$/.test(iterationText) ? Number(iterationText) : 0;
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce || salt === '')
      throw new ProtocolViolation('ScramError', 'a challenge without the nonce or the salt');
    if (iterations === 0 || iterations > MOST_ITERATIONS)
      throw new ProtocolViolation('ScramError', `${iterationText} iterations`);
    const salted = this.#passwords.of(this.#hash, this.#password, salt, iterations);
    const clientFinal = `c=${CHANNEL_BINDING},r=${nonce}`;
    const said = `${this.#clientFirst},${message},${clientFinal}`;
    const clientKey = this.#sign(salted, 'Client Key');
    const signature = this.#sign(createHash(this.#hash).update(clientKey).digest(), said);
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] as number));
    this.#serverSignature = this.#sign(this.#sign(salted, 'Server Key'), said);
    return `${clientFinal},p=${Buffer.from(proof).toString('base64')}`;
  }

  /** @throws ProtocolViolation where the server does not know the password */
  prove(message: string): void {
    const given = Buffer.from(fieldsOf(message).get('v') ?? '', 'base64');
    const wanted = this.#serverSignature;
    this.isProven = wanted?.length === given.length && timingSafeEqual(wanted, given);
    if (!this.isProven)
      throw new ProtocolViolation('ScramError', 'the server has not shown that it knows the password');
  }

  #sign(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest();
  }
}

function fieldsOf(message: string): Map<string, string> {
  return new Map(message.split(',').map((field): [string, string] => [field.slice(0, 1), field.slice(2)]));
}
