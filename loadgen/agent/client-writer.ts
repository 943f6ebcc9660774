import { bodyBytes, writeFrame } from '../../protocol/encode.js';
import { type Frame, HEADER_BYTES } from '../../protocol/frame.js';
import type { Transport } from '../transports/transport.js';

/** Things to say in the next write of a client; what fell due to be sent goes along unasked. */
export const Say = { Ack: 1, Ping: 2, Group: 4 } as const;

const SCRATCH_BYTES = 16 * 1024;

/** Puts the frames of a client together, so that one write answers all that came in during a turn. */
export class ClientWriter {
  readonly #say: Uint8Array;
  readonly #isDirty: Uint8Array;
  readonly #canWrite: (client: number) => boolean;
  readonly #compose: (client: number, say: number) => void;
  #transport: Transport | undefined;
  #dirty: number[] = [];
  #isFlushScheduled = false;
  /** Where the write of a client is put together, and how far it has come. */
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #scratchUsed = 0;

  /** @param compose calls `put` for each frame of a client, in order; `say`: what of `Say` it is to say */
  constructor(
    clients: number,
    canWrite: (client: number) => boolean,
    compose: (client: number, say: number) => void,
  ) {
    this.#say = new Uint8Array(clients);
    this.#isDirty = new Uint8Array(clients);
    this.#canWrite = canWrite;
    this.#compose = compose;
  }

  use(transport: Transport): void {
    this.#transport = transport;
  }

  /** Hot path. Puts something into the next write of a client; 0: only what is due. */
  say(client: number, what: number): void {
    this.#say[client] = (this.#say[client] as number) | what;
    if (this.#isDirty[client] === 0) {
      this.#isDirty[client] = 1;
      this.#dirty.push(client);
    }
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    // Behind all reads of this turn.
    setImmediate(this.#flushBound);
  }

  /** The connection is gone, and what was to be said on it. */
  forget(client: number): void {
    this.#say[client] = 0;
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
    const say = this.#say[client] as number;
    this.#say[client] = 0;
    this.#compose(client, say);
    this.#write(client);
  }

  /** Hot path. Puts a frame behind what is there, or at the beginning once that was written. */
  readonly put = (client: number, frame: Frame): void => {
    const bytes = HEADER_BYTES + bodyBytes(frame);
    if (this.#scratchUsed + bytes > this.#scratch.length) {
      this.#write(client);
      if (bytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(bytes);
    }
    this.#scratchUsed = writeFrame(frame, this.#scratch, this.#scratchUsed);
  };

  readonly #flushBound = (): void => this.flush();

  #write(client: number): void {
    if (this.#scratchUsed === 0) return;
    const isReusable = this.#transport?.send(client, this.#scratch.subarray(0, this.#scratchUsed));
    this.#scratchUsed = 0;
    if (!isReusable) this.#scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }
}
