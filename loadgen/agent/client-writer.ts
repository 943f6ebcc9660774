import type { Output } from '../drivers/driver.js';
import type { Transport } from '../transports/transport.js';

const SCRATCH_BYTES = 16 * 1024;

const NOBODY = -1;

/** Puts the bytes of a client together, so that one write answers all that came in during a turn. */
export class ClientWriter implements Output {
  readonly #isMessageFramed: boolean;
  readonly #wantsKeepalive: Uint8Array;
  readonly #isDirty: Uint8Array;
  readonly #canWrite: (client: number) => boolean;
  readonly #compose: (client: number, wantsKeepalive: boolean) => void;
  #transport: Transport | undefined;
  #dirty: number[] = [];
  #isFlushScheduled = false;
  /** Whose bytes are put together, and where; `at`: how far that has come. */
  #client = NOBODY;
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  at = 0;

  /**
   * @param isMessageFramed each message of the protocol is a write of its own
   * @param compose writes into this what a client has to say
   */
  constructor(
    clients: number,
    isMessageFramed: boolean,
    canWrite: (client: number) => boolean,
    compose: (client: number, wantsKeepalive: boolean) => void,
  ) {
    this.#isMessageFramed = isMessageFramed;
    this.#wantsKeepalive = new Uint8Array(clients);
    this.#isDirty = new Uint8Array(clients);
    this.#canWrite = canWrite;
    this.#compose = compose;
  }

  use(transport: Transport): void {
    this.#transport = transport;
  }

  /** Hot path. The client has something to say in its next write. */
  say(client: number): void {
    if (this.#isDirty[client] === 0) {
      this.#isDirty[client] = 1;
      this.#dirty.push(client);
    }
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    // An immediate runs after all sockets of this turn were read, so that one write answers them all.
    setImmediate(this.#flushBound);
  }

  sayKeepalive(client: number): void {
    this.#wantsKeepalive[client] = 1;
    this.say(client);
  }

  /** The connection is gone, and what was to be said on it. */
  forget(client: number): void {
    this.#wantsKeepalive[client] = 0;
  }

  /** Writes what is to be said, one write a client; called at the end of a turn and of a tick. */
  flush(): void {
    this.#isFlushScheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const client of dirty) this.flushClient(client);
  }

  /** Hot path. */
  flushClient(client: number): void {
    this.#isDirty[client] = 0;
    if (!this.#canWrite(client)) return;
    const wantsKeepalive = this.#wantsKeepalive[client] === 1;
    this.#wantsKeepalive[client] = 0;
    this.begin(client);
    this.#compose(client, wantsKeepalive);
    this.end();
  }

  /** Hot path. What is written from now on is of this client, until `end`. */
  begin(client: number): void {
    this.#client = client;
  }

  /** Hot path. */
  end(): void {
    if (this.at > 0) this.#send();
    this.#client = NOBODY;
  }

  /** Of a client whose bytes are just being put together: they leave now. */
  sendWhatIsThere(client: number): void {
    if (this.#client === client && this.at > 0) this.#send();
  }

  /** Hot path. */
  room(bytes: number): Buffer {
    if (this.at + bytes > this.#scratch.length) this.#makeRoom(bytes);
    return this.#scratch;
  }

  /** Hot path. */
  write(bytes: Uint8Array): void {
    this.room(bytes.length).set(bytes, this.at);
    this.at += bytes.length;
  }

  writeText(text: string): void {
    const buffer = this.room(Buffer.byteLength(text));
    // Read `at` only now: making room may have sent what was there and begun anew.
    this.at += buffer.write(text, this.at);
  }

  endMessage(): void {
    if (this.#isMessageFramed) this.#send();
  }

  readonly #flushBound = (): void => this.flush();

  /** A stream is sent as far as it goes; a message has to stay in one piece. */
  #makeRoom(bytes: number): void {
    if (!this.#isMessageFramed && this.at > 0) this.#send();
    if (this.at + bytes <= this.#scratch.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.at, this.at + bytes));
    larger.set(this.#scratch.subarray(0, this.at));
    this.#scratch = larger;
  }

  #send(): void {
    const isReusable = this.#transport?.send(this.#client, this.#scratch.subarray(0, this.at));
    this.at = 0;
    if (!isReusable) this.#scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }
}
