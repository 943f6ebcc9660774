import { Fifo } from '../../fifo.js';

/** Of all clients of an agent together; a message beyond it is refused. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
/** Beside its payload, about what a message that waits costs. */
const OVERHEAD_BYTES = 128;

export interface WaitingMessage {
  to: number;
  sequence: number;
  payload: Buffer;
}

/** Messages that wait until the server has answered earlier ones of the same client. Few clients have any. */
export class WaitingMessages {
  readonly #ofClients = new Map<number, Fifo<WaitingMessage>>();
  #bytes = 0;

  has(client: number): boolean {
    return this.#ofClients.size > 0 && this.#ofClients.has(client);
  }

  /** @returns false where there is no room for another one */
  add(client: number, to: number, sequence: number, payload: Buffer): boolean {
    const bytes = payload.length + OVERHEAD_BYTES;
    if (this.#bytes + bytes > MOST_WAITING_BYTES) return false;
    this.#bytes += bytes;
    let messages = this.#ofClients.get(client);
    if (!messages) {
      messages = new Fifo();
      this.#ofClients.set(client, messages);
    }
    messages.push({ to, sequence, payload: Buffer.from(payload) });
    return true;
  }

  /** The oldest of a client. */
  take(client: number): WaitingMessage | undefined {
    const messages = this.#ofClients.get(client);
    const message = messages?.take();
    if (!message) return undefined;
    this.#bytes -= message.payload.length + OVERHEAD_BYTES;
    if (messages?.length === 0) this.#ofClients.delete(client);
    return message;
  }

  forget(client: number): void {
    while (this.take(client));
  }
}
