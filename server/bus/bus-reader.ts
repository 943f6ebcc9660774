import type { BusMessage } from './bus.js';
import { LENGTH_BYTES, messageEnd, readBusMessages } from './bus-codec.js';

/**
 * Cuts the bytes of one bus connection into messages, however they come. A byte is copied at most twice: the beginning of
 * a message whose end has not come lies in a buffer that is made once, as long as the message will be.
 */
export class BusReader {
  readonly #onMessage: (message: BusMessage) => void;
  /** A message whose end has not come; as long as the length while that itself is not whole. */
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(onMessage: (message: BusMessage) => void) {
    this.#onMessage = onMessage;
  }

  /** Hot path. What it hands on may lie in `chunk`, and is valid as long as that is. */
  read(chunk: Buffer): void {
    let at = 0;
    while (this.#partial && at < chunk.length) at += this.#fill(this.#partial, chunk, at);
    if (at === chunk.length) return;
    const whole = at === 0 ? chunk : chunk.subarray(at);
    const consumed = readBusMessages(whole, this.#onMessage);
    if (consumed < whole.length) this.#keep(whole.subarray(consumed));
  }

  #keep(rest: Buffer): void {
    const length = rest.length < LENGTH_BYTES ? LENGTH_BYTES : messageEnd(rest, 0);
    this.#partial = Buffer.allocUnsafeSlow(length);
    this.#filled = rest.copy(this.#partial);
  }

  /** @returns the bytes that it took of `chunk` */
  #fill(partial: Buffer, chunk: Buffer, at: number): number {
    const taken = chunk.copy(partial, this.#filled, at);
    this.#filled += taken;
    if (this.#filled < partial.length) return taken;
    this.#partial = undefined;
    if (partial.length === LENGTH_BYTES) this.#keep(partial);
    else readBusMessages(partial, this.#onMessage);
    return taken;
  }
}
