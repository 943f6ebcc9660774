import { ProtocolViolation } from '../driver.js';

/** What XEP-0198 lets a server use. */
const MOST_BYTES = 4000;
const FIRST_BYTES = 32;

/**
 * The name that the server has given the session of each client: side by side in one buffer, as no string a client would be. Bounded by
 * the clients times the longest name that came, of at most 4,000 bytes; pages of clients that never had one cost nothing.
 */
export class SessionIds {
  readonly #lengths: Uint16Array;
  #bytesEach = FIRST_BYTES;
  #bytes: Buffer;

  constructor(clients: number) {
    this.#lengths = new Uint16Array(clients);
    this.#bytes = Buffer.alloc(clients * FIRST_BYTES);
  }

  set(client: number, id: string): void {
    const bytes = Buffer.from(id);
    if (bytes.length > MOST_BYTES)
      throw new ProtocolViolation('SessionIdTooLong', `a session whose id has ${bytes.length} bytes`);
    if (bytes.length > this.#bytesEach) this.#widen(bytes.length);
    this.#bytes.set(bytes, client * this.#bytesEach);
    this.#lengths[client] = bytes.length;
  }

  get(client: number): string {
    const start = client * this.#bytesEach;
    return this.#bytes.toString('utf8', start, start + (this.#lengths[client] as number));
  }

  #widen(bytes: number): void {
    const bytesEach = Math.min(MOST_BYTES, Math.max(bytes, 2 * this.#bytesEach));
    const wider = Buffer.alloc(this.#lengths.length * bytesEach);
    this.#lengths.forEach((length, client) => {
      const start = client * this.#bytesEach;
      this.#bytes.copy(wider, client * bytesEach, start, start + length);
    });
    this.#bytes = wider;
    this.#bytesEach = bytesEach;
  }
}
