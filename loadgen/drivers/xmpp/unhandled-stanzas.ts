import { grown } from '../../grown.js';

const NONE = -1;
const FIRST_SLOTS = 1024;

/** In the place of the client that a receipt is for: a message of the ledger, and a stanza whose text is kept. */
const TO_MESSAGE = -1;
const TO_TEXT = -2;

/** A stanza that the server has not said to have handled. */
export type UnhandledStanza =
  | { kind: 'message'; sequence: number }
  /** Of the message of `to` that has this number. */
  | { kind: 'receipt'; to: number; sequence: number }
  | { kind: 'text'; text: string };

/**
 * Stanzas of all clients that the server has not said to have handled, oldest first: slots in typed arrays, chained per client. A client
 * without any costs eight bytes.
 */
export class UnhandledStanzas {
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  #stanza = new Uint32Array(FIRST_SLOTS);
  #sequence = new Uint32Array(FIRST_SLOTS);
  #to = new Int32Array(FIRST_SLOTS);
  #next = new Int32Array(FIRST_SLOTS);
  /** By slot, of the few stanzas that cannot be made again from numbers. */
  readonly #texts = new Map<number, string>();
  #free = NONE;
  #used = 0;

  constructor(clients: number) {
    this.#head = new Int32Array(clients).fill(NONE);
    this.#tail = new Int32Array(clients).fill(NONE);
  }

  /** Hot path. */
  addMessage(client: number, stanza: number, sequence: number): void {
    this.#add(client, stanza, sequence, TO_MESSAGE);
  }

  /** Hot path. */
  addReceipt(client: number, stanza: number, to: number, sequence: number): void {
    this.#add(client, stanza, sequence, to);
  }

  addText(client: number, stanza: number, text: string): void {
    this.#texts.set(this.#add(client, stanza, 0, TO_TEXT), text);
  }

  /** Hot path. Slot of the oldest, or -1. */
  first(client: number): number {
    return this.#head[client] as number;
  }

  /** Hot path. */
  stanzaOf(slot: number): number {
    return this.#stanza[slot] as number;
  }

  /** Hot path. The message of the ledger that it is; undefined: it is none. */
  messageIn(slot: number): number | undefined {
    return this.#to[slot] === TO_MESSAGE ? this.#sequence[slot] : undefined;
  }

  /** Hot path. */
  removeFirst(client: number): void {
    const slot = this.#head[client] as number;
    const next = this.#next[slot] as number;
    this.#head[client] = next;
    if (next === NONE) this.#tail[client] = NONE;
    if (this.#to[slot] === TO_TEXT) this.#texts.delete(slot);
    this.#next[slot] = this.#free;
    this.#free = slot;
  }

  /** Messages of the ledger that are among those of a client, oldest first. */
  messagesOf(client: number): number[] {
    const messages: number[] = [];
    for (let slot = this.first(client); slot !== NONE; slot = this.#next[slot] as number)
      if (this.#to[slot] === TO_MESSAGE) messages.push(this.#sequence[slot] as number);
    return messages;
  }

  /** All of a client, oldest first: none is left. */
  takeAll(client: number): UnhandledStanza[] {
    const all: UnhandledStanza[] = [];
    for (let slot = this.first(client); slot !== NONE; slot = this.first(client)) {
      all.push(this.#at(slot));
      this.removeFirst(client);
    }
    return all;
  }

  #at(slot: number): UnhandledStanza {
    const sequence = this.#sequence[slot] as number;
    const to = this.#to[slot] as number;
    if (to === TO_TEXT) return { kind: 'text', text: this.#texts.get(slot) as string };
    return to === TO_MESSAGE ? { kind: 'message', sequence } : { kind: 'receipt', to, sequence };
  }

  #add(client: number, stanza: number, sequence: number, to: number): number {
    const slot = this.#takeSlot();
    this.#stanza[slot] = stanza;
    this.#sequence[slot] = sequence;
    this.#to[slot] = to;
    this.#next[slot] = NONE;
    const tail = this.#tail[client] as number;
    if (tail === NONE) this.#head[client] = slot;
    else this.#next[tail] = slot;
    this.#tail[client] = slot;
    return slot;
  }

  #takeSlot(): number {
    if (this.#free !== NONE) {
      const slot = this.#free;
      this.#free = this.#next[slot] as number;
      return slot;
    }
    if (this.#used === this.#stanza.length) this.#grow();
    this.#used += 1;
    return this.#used - 1;
  }

  /**
   * Bounded for messages by the outboxes: one that is not accepted is in both. Receipts are kept where sessions are resumed, and the
   * server is asked for an acknowledgement behind every few of them.
   */
  #grow(): void {
    const slots = this.#stanza.length * 2;
    this.#stanza = grown(this.#stanza, new Uint32Array(slots));
    this.#sequence = grown(this.#sequence, new Uint32Array(slots));
    this.#to = grown(this.#to, new Int32Array(slots));
    this.#next = grown(this.#next, new Int32Array(slots));
  }
}
