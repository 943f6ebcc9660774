import type { Placeholder } from '../../../scenarios/drivers/socketio-schema.js';
import { MOST_DIGITS, writeDecimal, writePiece } from '../decimal.js';
import type { Output } from '../driver.js';

/** What placeholders stand for. */
export type PlaceholderValues = Record<Exclude<Placeholder, 'payload'>, number> & { payload: Buffer };

/** `"{{to:number}}"` with its quotes, or `{{to}}`. */
const PLACEHOLDER = /"\{\{(\w+):number\}\}"|\{\{(\w+)\}\}/g;

/** Data as JSON, cut once into what is always the same and what is filled in: digits and Base64 need no quoting. */
export class JsonTemplate {
  readonly #pieces: Buffer[];
  readonly #slots: Placeholder[];

  constructor(data: unknown) {
    const text = JSON.stringify(data);
    const pieces: string[] = [];
    const slots: Placeholder[] = [];
    let from = 0;
    for (const match of text.matchAll(PLACEHOLDER)) {
      pieces.push(text.slice(from, match.index));
      slots.push((match[1] ?? match[2]) as Placeholder);
      from = match.index + match[0].length;
    }
    pieces.push(text.slice(from));
    this.#pieces = pieces.map((piece) => Buffer.from(piece));
    this.#slots = slots;
  }

  /** Hot path. */
  write(values: PlaceholderValues, out: Output): void {
    this.#writePiece(0, out);
    for (let slot = 0; slot < this.#slots.length; slot += 1) {
      const name = this.#slots[slot] as Placeholder;
      if (name === 'payload') writeBase64(values.payload, out);
      else out.at = writeDecimal(out.room(MOST_DIGITS), out.at, values[name]);
      this.#writePiece(slot + 1, out);
    }
  }

  #writePiece(index: number, out: Output): void {
    const piece = this.#pieces[index] as Buffer;
    out.at = writePiece(out.room(piece.length), out.at, piece);
  }
}

/** Hot path. */
function writeBase64(payload: Buffer, out: Output): void {
  const text = payload.toString('base64');
  out.at += out.room(text.length).write(text, out.at, 'latin1');
}
