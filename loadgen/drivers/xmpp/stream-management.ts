import { grown } from '../../grown.js';
import { type ClientEvents, ProtocolViolation } from '../driver.js';

const NONE = -1;
const FIRST_SLOTS = 1024;

/**
 * Who has handled which stanzas (XEP-0198): each side counts those that came, and tells the other. A client that waits for
 * nothing costs some numbers; its messages under way are chained in slots that all clients share.
 */
export class StreamManagement {
  readonly #isEnabled: Uint8Array;
  /** Stanzas of the server that came since it was enabled; counts wrap at 2^32, as those of the protocol do. */
  readonly #received: Uint32Array;
  /** Stanzas written since it was asked for, and those of them that the server has acknowledged. */
  readonly #written: Uint32Array;
  readonly #acknowledged: Uint32Array;
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  /** By slot: which of the stanzas of its client a message is, and which message. */
  #stanza = new Uint32Array(FIRST_SLOTS);
  #sequence = new Uint32Array(FIRST_SLOTS);
  #next = new Int32Array(FIRST_SLOTS);
  #free = NONE;
  #used = 0;

  constructor(clients: number) {
    this.#isEnabled = new Uint8Array(clients);
    this.#received = new Uint32Array(clients);
    this.#written = new Uint32Array(clients);
    this.#acknowledged = new Uint32Array(clients);
    this.#head = new Int32Array(clients).fill(NONE);
    this.#tail = new Int32Array(clients).fill(NONE);
  }

  /** It is asked for: what is written from now on counts. */
  begin(client: number): void {
    this.#received[client] = 0;
    this.#written[client] = 0;
    this.#acknowledged[client] = 0;
  }

  /** The server agrees: what comes from now on counts. */
  enable(client: number): void {
    this.#isEnabled[client] = 1;
  }

  /** Hot path. A stanza has come. */
  countReceived(client: number): void {
    if (this.#isEnabled[client] === 1) this.#received[client] = (this.#received[client] as number) + 1;
  }

  /** Stanzas that have come. */
  receivedBy(client: number): number {
    return this.#received[client] as number;
  }

  /** Hot path. Stanzas are written that are no messages of the ledger. */
  countWritten(client: number, stanzas: number): void {
    this.#written[client] = (this.#written[client] as number) + stanzas;
  }

  /** Hot path. */
  writeMessage(client: number, sequence: number): void {
    this.countWritten(client, 1);
    const slot = this.#takeSlot();
    this.#stanza[slot] = this.#written[client] as number;
    this.#sequence[slot] = sequence;
    this.#next[slot] = NONE;
    const tail = this.#tail[client] as number;
    if (tail === NONE) this.#head[client] = slot;
    else this.#next[tail] = slot;
    this.#tail[client] = slot;
  }

  /**
   * Hot path. The server has handled so many stanzas of a client: tells the messages among those that it had not yet
   * acknowledged.
   */
  acknowledge(client: number, handled: number, events: Pick<ClientEvents, 'accepted'>): void {
    const before = this.#acknowledged[client] as number;
    const newly = (handled - before) >>> 0;
    const awaited = ((this.#written[client] as number) - before) >>> 0;
    if (newly > awaited)
      throw new ProtocolViolation('HandledCountTooHigh', `${handled} stanzas handled, ${awaited} to go`);
    this.#acknowledged[client] = handled;
    for (let slot = this.#head[client] as number; slot !== NONE; slot = this.#head[client] as number) {
      if (((this.#stanza[slot] as number) - before) >>> 0 > newly) return;
      const sequence = this.#sequence[slot] as number;
      this.#removeHead(client, slot);
      events.accepted(client, sequence);
    }
  }

  /** The connection has ended, and its counts with it. */
  forget(client: number): void {
    this.#isEnabled[client] = 0;
    for (let slot = this.#head[client] as number; slot !== NONE; slot = this.#head[client] as number)
      this.#removeHead(client, slot);
  }

  #removeHead(client: number, slot: number): void {
    const next = this.#next[slot] as number;
    this.#head[client] = next;
    if (next === NONE) this.#tail[client] = NONE;
    this.#next[slot] = this.#free;
    this.#free = slot;
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

  /** Bounded by the outboxes: a message that is not accepted is in both. */
  #grow(): void {
    const slots = this.#stanza.length * 2;
    this.#stanza = grown(this.#stanza, new Uint32Array(slots));
    this.#sequence = grown(this.#sequence, new Uint32Array(slots));
    this.#next = grown(this.#next, new Int32Array(slots));
  }
}
