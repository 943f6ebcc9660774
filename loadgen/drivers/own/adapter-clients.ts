import { type ClientEvents, type ClientProtocol, type Output, ProtocolViolation } from '../driver.js';
import { Ask, ITEM_HEAD_BYTES, NO_BODY, NOBODY, readItems, Told, writeItem } from './adapter-wire.js';

/** The clients of an adapter: what they intend becomes items, and items become what happened. */
export class AdapterClients implements ClientProtocol {
  readonly #events: ClientEvents;
  /** Client whose items are being read. */
  #current = 0;

  constructor(events: ClientEvents) {
    this.#events = events;
  }

  /** The library has logged it in before it said so. */
  opened(client: number): void {
    this.#events.loggedIn(client);
  }

  /** Hot path. */
  received(client: number, bytes: Buffer): number {
    this.#current = client;
    readItems(bytes, this.#onItem);
    return bytes.length;
  }

  /** Hot path. */
  writeMessage(_client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    const buffer = out.room(ITEM_HEAD_BYTES + payload.length);
    out.at = writeItem(Ask.Send, to, sequence, payload, buffer, out.at);
  }

  writePending(): void {
    // Acknowledgements and the like are for the library.
  }

  writeKeepalive(_client: number, out: Output): void {
    const buffer = out.room(ITEM_HEAD_BYTES);
    out.at = writeItem(Ask.KeepAlive, 0, 0, NO_BODY, buffer, out.at);
  }

  leave(): void {
    // The end of the connection says it.
  }

  closed(): void {
    // Nothing is kept of a connection.
  }

  /** Hot path. */
  readonly #onItem = (kind: number, first: number, second: number, body: Buffer): void => {
    const client = this.#current;
    switch (kind) {
      case Told.Delivered:
        this.#events.delivered(client, body, first === 1);
        break;
      case Told.Accepted:
        this.#events.accepted(client, first);
        break;
      case Told.Receipted:
        this.#events.receipted(client, first === NOBODY ? -1 : first, second);
        break;
      case Told.Refused:
        this.#events.refused(client, first, body.toString());
        break;
      default:
        throw new ProtocolViolation('UnknownItem', `an item of kind ${kind}`);
    }
  };
}
