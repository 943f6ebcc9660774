import type { HomeMessage } from '../bus/bus.js';
import {
  busMessageBytes,
  LENGTH_BYTES,
  messageEnd,
  readBusMessage,
  writeBusMessage,
} from '../bus/bus-codec.js';
import { GrowingBuffer } from './growing-buffer.js';

/** What is said to a home while it moves, in order. Bounded by those who say it: it counts as waiting. */
export class HeldMessages {
  readonly #buffer = new GrowingBuffer();
  #taken = 0;

  get bytes(): number {
    return this.#buffer.used;
  }

  /** @returns the bytes that it takes */
  add(message: HomeMessage): number {
    const bytes = busMessageBytes(message);
    this.#buffer.makeRoom(bytes);
    this.#buffer.used = writeBusMessage(message, this.#buffer.bytes, this.#buffer.used);
    return bytes;
  }

  /** Hands on all of them, also those that are added meanwhile. They are valid during the call only. */
  takeAll(onMessage: (message: HomeMessage) => void): void {
    while (this.#taken < this.#buffer.used) {
      const { bytes } = this.#buffer;
      const start = this.#taken + LENGTH_BYTES;
      const end = messageEnd(bytes, this.#taken);
      this.#taken = end;
      onMessage(readBusMessage(bytes, start, end) as HomeMessage);
    }
  }
}
