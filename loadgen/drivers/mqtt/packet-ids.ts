import { grown } from '../../grown.js';

const NONE = -1;
const FIRST_SLOTS = 1024;

/**
 * Packet ids that are in use, by client, oldest first, each with a number and a state of its own. Slots in typed arrays,
 * chained: a client with none costs ten bytes. They outlive a connection, as the session does.
 */
export class PacketIds {
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  readonly #count: Uint16Array;
  #id = new Uint16Array(FIRST_SLOTS);
  #value = new Uint32Array(FIRST_SLOTS);
  #state = new Uint8Array(FIRST_SLOTS);
  #next = new Int32Array(FIRST_SLOTS);
  #free = NONE;
  #used = 0;

  constructor(clients: number) {
    this.#head = new Int32Array(clients).fill(NONE);
    this.#tail = new Int32Array(clients).fill(NONE);
    this.#count = new Uint16Array(clients);
  }

  countOf(client: number): number {
    return this.#count[client] as number;
  }

  /** First slot of a client, or -1. */
  first(client: number): number {
    return this.#head[client] as number;
  }

  /** The slot behind `slot`, or -1. */
  after(slot: number): number {
    return this.#next[slot] as number;
  }

  /** Hot path. The slot of an id, or -1. Answers come in order, so it is among the first. */
  find(client: number, id: number): number {
    let slot = this.#head[client] as number;
    while (slot !== NONE && this.#id[slot] !== id) slot = this.#next[slot] as number;
    return slot;
  }

  /** The slot with a value, or -1. */
  findValue(client: number, value: number): number {
    let slot = this.#head[client] as number;
    while (slot !== NONE && this.#value[slot] !== value) slot = this.#next[slot] as number;
    return slot;
  }

  idOf(slot: number): number {
    return this.#id[slot] as number;
  }

  valueOf(slot: number): number {
    return this.#value[slot] as number;
  }

  stateOf(slot: number): number {
    return this.#state[slot] as number;
  }

  setState(slot: number, state: number): void {
    this.#state[slot] = state;
  }

  /** Hot path. Puts an id that is not in use behind the others of the client. */
  add(client: number, id: number, value = 0, state = 0): void {
    const slot = this.#takeSlot();
    this.#id[slot] = id;
    this.#value[slot] = value;
    this.#state[slot] = state;
    this.#next[slot] = NONE;
    const tail = this.#tail[client] as number;
    if (tail === NONE) this.#head[client] = slot;
    else this.#next[tail] = slot;
    this.#tail[client] = slot;
    (this.#count[client] as number) += 1;
  }

  /** Hot path. */
  remove(client: number, slot: number): void {
    let before = NONE;
    let at = this.#head[client] as number;
    while (at !== slot) {
      before = at;
      at = this.#next[at] as number;
    }
    const next = this.#next[slot] as number;
    if (before === NONE) this.#head[client] = next;
    else this.#next[before] = next;
    if (this.#tail[client] === slot) this.#tail[client] = before;
    this.#next[slot] = this.#free;
    this.#free = slot;
    (this.#count[client] as number) -= 1;
  }

  /** All of a client are free again. */
  forget(client: number): void {
    for (let slot = this.first(client); slot !== NONE; slot = this.first(client)) this.remove(client, slot);
  }

  #takeSlot(): number {
    if (this.#free !== NONE) {
      const slot = this.#free;
      this.#free = this.#next[slot] as number;
      return slot;
    }
    if (this.#used === this.#id.length) this.#grow();
    this.#used += 1;
    return this.#used - 1;
  }

  #grow(): void {
    const slots = 2 * this.#id.length;
    this.#id = grown(this.#id, new Uint16Array(slots));
    this.#value = grown(this.#value, new Uint32Array(slots));
    this.#state = grown(this.#state, new Uint8Array(slots));
    this.#next = grown(this.#next, new Int32Array(slots));
  }
}
