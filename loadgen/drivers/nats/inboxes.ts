import type { ClientRange } from '../driver.js';

/**
 * Subjects on which one connection of a client is answered. Every connection has its own: an answer to the one before is
 * not taken for one of now, and a server that is told of a new one sends again what was not acknowledged on the old.
 */
export class Inboxes {
  readonly #clients: ClientRange;
  readonly #connection: Uint32Array;
  /** What all of them begin with; the user follows. */
  readonly prefix: string;

  constructor(clients: ClientRange) {
    this.#clients = clients;
    this.#connection = new Uint32Array(clients.count);
    this.prefix = `_INBOX.c2m${clients.run}.`;
  }

  /** A connection begins. */
  renew(client: number): void {
    (this.#connection[client] as number) += 1;
  }

  /** Hot path. Of a client, the number of its connection. */
  connectionOf(client: number): number {
    return this.#connection[client] as number;
  }

  of(client: number): string {
    return `${this.prefix}${this.#clients.firstUser + client}.${this.connectionOf(client)}`;
  }
}
