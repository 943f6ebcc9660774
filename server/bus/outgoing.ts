import type { Socket } from 'node:net';
import type { BusMessage } from './bus.js';
import { busMessageBytes, writeBusMessage } from './bus-codec.js';

const FIRST_BATCH_BYTES = 16 * 1024;

/** Messages for one process, encoded as they come, in a buffer that grows and is handed to the socket whole. */
export class Outgoing {
  readonly peer: number;
  readonly #socket: Socket;
  #buffer = Buffer.allocUnsafeSlow(FIRST_BATCH_BYTES);
  #used = 0;

  constructor(peer: number, socket: Socket) {
    this.peer = peer;
    this.#socket = socket;
  }

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  /** Bytes handed over that the kernel has not taken. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Hot path. @returns the bytes that the message takes */
  add(message: BusMessage): number {
    const bytes = busMessageBytes(message);
    const needed = this.#used + bytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#used);
      this.#buffer = larger;
    }
    this.#used = writeBusMessage(message, this.#buffer, this.#used);
    return bytes;
  }

  /** @returns false where the other reads slowly: its socket says `drain` when it has taken everything */
  flush(): boolean {
    if (this.#used === 0) return true;
    const isTaken = this.#socket.write(this.#buffer.subarray(0, this.#used));
    // What the kernel did not take at once still lies in the buffer: then it is the socket's.
    if (this.#socket.writableLength > 0) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BATCH_BYTES);
    this.#used = 0;
    return isTaken;
  }

  end(): void {
    this.#socket.end();
  }
}
