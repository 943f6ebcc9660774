import type { Socket } from 'node:net';
import type { BusMessage } from './bus.js';
import { BusReader } from './bus-reader.js';

/** What a connection says first: the number of the process that made it. */
const PREAMBLE_BYTES = 2;

export function preamble(self: number): Buffer {
  const bytes = Buffer.alloc(PREAMBLE_BYTES);
  bytes.writeUInt16LE(self);
  return bytes;
}

/** What one process says to this one, on a connection that it made. */
export class Incoming {
  /** Undefined until it has said who it is. */
  peer: number | undefined;
  readonly #socket: Socket;
  readonly #reader: BusReader;
  readonly #onPeer: (incoming: Incoming) => void;
  #preamble = Buffer.alloc(0);
  /** Why it is not read now; each ends by itself. */
  #isEarly: boolean;
  #isHeldBack = false;

  /**
   * @param isEarly nothing may be taken before `open`
   * @param onPeer called once it has said who it is
   */
  constructor(
    socket: Socket,
    isEarly: boolean,
    onMessage: (message: BusMessage, from: number) => void,
    onPeer: (incoming: Incoming) => void,
  ) {
    this.#socket = socket;
    this.#onPeer = onPeer;
    this.#isEarly = isEarly;
    this.#reader = new BusReader((message) => onMessage(message, this.peer as number));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // The other direction to the same process closes as well, and is listened to.
    socket.on('error', () => undefined);
    this.#goOn();
  }

  open(): void {
    this.#isEarly = false;
    this.#goOn();
  }

  /** Takes nothing more from a process that does not take what it is told, until it does. */
  holdBack(isHeldBack: boolean): void {
    this.#isHeldBack = isHeldBack;
    this.#goOn();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #goOn(): void {
    if (this.#isEarly || this.#isHeldBack) this.#socket.pause();
    else this.#socket.resume();
  }

  #read(chunk: Buffer): void {
    if (this.peer !== undefined) {
      this.#reader.read(chunk);
      return;
    }
    const begun = Buffer.concat([this.#preamble, chunk]);
    this.#preamble = begun;
    if (begun.length < PREAMBLE_BYTES) return;
    this.peer = begun.readUInt16LE();
    this.#preamble = Buffer.alloc(0);
    this.#onPeer(this);
    this.#reader.read(begun.subarray(PREAMBLE_BYTES));
  }
}
