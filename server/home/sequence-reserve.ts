import { type HomeStore, VALUE_OFFSET } from '../store/home-store.js';
import { KeyKind, numbersKey } from '../store/store-keys.js';
import { RENEW_FROM } from './mailbox.js';

/** One write to the store covers so many sequences. */
const RESERVED_AT_ONCE = 1024;

/** It stands for a store, and belongs to nobody. */
const KEY = numbersKey(KeyKind.Sequences, 0);

/**
 * The highest sequence that any mailbox of a home has used. An empty mailbox leaves nothing in the store, but its user may still be
 * connected when another owner takes the home over. Counted from 1 again, new items would look like old ones; so the new owner begins
 * behind the highest.
 */
export class SequenceReserve {
  readonly #store: HomeStore;
  /** False until `begin`: on one machine nobody takes a home over, and nothing is written. */
  #last = Number.POSITIVE_INFINITY;

  constructor(store: HomeStore) {
    this.#store = store;
  }

  /** @returns the sequence behind which mailboxes begin of which nothing is kept */
  begin(): number {
    const kept = this.#kept;
    // It takes millions of owners; from then on those of connections are compared, as before anything was written down.
    this.#last = kept < RENEW_FROM ? kept : 0;
    return this.#last;
  }

  /** Hot path. A sequence is given, in the turn that is to be committed. */
  use(sequence: number): void {
    if (sequence <= this.#last) return;
    this.#last = sequence + RESERVED_AT_ONCE;
    const value = Buffer.alloc(VALUE_OFFSET + 8);
    value.writeDoubleLE(this.#last, VALUE_OFFSET);
    this.#store.stage(KEY, value);
  }

  /** A turn was not kept: what is written down is what the store has. */
  restore(): void {
    if (this.#last !== Number.POSITIVE_INFINITY) this.#last = this.#kept;
  }

  get #kept(): number {
    return this.#store.get(KEY)?.readDoubleLE(VALUE_OFFSET) ?? 0;
  }
}
