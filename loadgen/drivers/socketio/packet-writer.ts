import { MOST_DIGITS, writeDecimal, writePiece } from '../decimal.js';
import type { Output } from '../driver.js';
import type { JsonTemplate, PlaceholderValues } from './json-template.js';

/** Of an event that nobody is to acknowledge. */
export const NO_ID = -1;

const PONG = Buffer.from('3');
const EMPTY_LIST = Buffer.from('[]');

/** Writes packets of one namespace, each of them a message. */
export class PacketWriter {
  readonly #connect: Buffer;
  readonly #disconnect: Buffer;
  readonly #event: Buffer;
  readonly #acknowledgement: Buffer;

  constructor(namespace: string) {
    // That of / is not named.
    const name = namespace === '/' ? '' : `${namespace},`;
    this.#connect = Buffer.from(`40${name}`);
    this.#disconnect = Buffer.from(`41${name}`);
    this.#event = Buffer.from(`42${name}`);
    this.#acknowledgement = Buffer.from(`43${name}`);
  }

  connect(auth: JsonTemplate | undefined, values: PlaceholderValues, out: Output): void {
    out.write(this.#connect);
    auth?.write(values, out);
    out.endMessage();
  }

  disconnect(out: Output): void {
    out.write(this.#disconnect);
    out.endMessage();
  }

  pong(out: Output): void {
    out.write(PONG);
    out.endMessage();
  }

  /** Hot path. */
  event(template: JsonTemplate, values: PlaceholderValues, id: number, out: Output): void {
    const buffer = out.room(this.#event.length + MOST_DIGITS);
    out.at = writePiece(buffer, out.at, this.#event);
    if (id !== NO_ID) out.at = writeDecimal(buffer, out.at, id);
    template.write(values, out);
    out.endMessage();
  }

  /** Says that an event of the server has arrived. */
  acknowledge(id: number, out: Output): void {
    const buffer = out.room(this.#acknowledgement.length + MOST_DIGITS + EMPTY_LIST.length);
    out.at = writePiece(buffer, out.at, this.#acknowledgement);
    out.at = writeDecimal(buffer, out.at, id);
    out.at = writePiece(buffer, out.at, EMPTY_LIST);
    out.endMessage();
  }
}
