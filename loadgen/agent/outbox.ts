import { grown } from '../grown.js';

const NONE = -1;
const FIRST_SLOTS = 1024;
/** Stands in `#before` of a slot that holds no message. */
const FREE = -2;

/**
 * How far a message has come, as its sender sees it. `Held`: it could not leave when it was due, as the sender had no connection, or
 * its protocol no room. `Again`: the connection died before ACCEPTED, so it will be sent again. `Unhandled`: so too, and the server has
 * said that it did not get it. `Kept`: ACCEPTED or a receipt says that the server has it.
 */
export const MessageState = { Due: 0, Sent: 1, Kept: 2, Again: 3, Held: 4, Unhandled: 5 } as const;

/** Whether ACCEPTED has come. `Missed`: the connection that it was to come on has died, or the protocol has none. */
export const Answer = { Awaited: 0, Accepted: 1, Missed: 2 } as const;

/**
 * The messages of all clients that are not done: due and not sent, sent and not accepted, accepted and without
 * the receipts of all recipients. Slots in typed arrays, chained per client in the order of their sequences; a client
 * with nothing under way costs eight bytes.
 */
export class Outbox {
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  #sequence = new Uint32Array(FIRST_SLOTS);
  #dueMs = new Float64Array(FIRST_SLOTS);
  #bytes = new Uint32Array(FIRST_SLOTS);
  #sentMs = new Float64Array(FIRST_SLOTS);
  /** See `awayMsOf`. */
  #senderAwayMs = new Float64Array(FIRST_SLOTS);
  #awayMs: Float64Array;
  #state = new Uint8Array(FIRST_SLOTS);
  #answer = new Uint8Array(FIRST_SLOTS);
  #next = new Int32Array(FIRST_SLOTS);
  #before = new Int32Array(FIRST_SLOTS);
  /**
   * Where the next write of a client begins, if that is not with the unwritten ones at its end: something among the others is to be
   * sent again, or the last write has found no room.
   */
  readonly #writeFrom = new Map<number, number>();
  /** Recipients that are not done with, and a bit for each that is, and for each whose receipt is here. */
  #awaited = new Uint16Array(FIRST_SLOTS);
  #settled: Uint32Array;
  #receipts: Uint32Array;
  readonly #recipientWords: number;
  readonly #recipients: number;
  readonly #firstAnswer: number;
  #free = NONE;
  #used = 0;
  #length = 0;

  /**
   * @param recipients most that one message has
   * @param awaitsAccepted the server says that it holds a message
   */
  constructor(clients: number, recipients = 1, awaitsAccepted = true) {
    this.#recipients = recipients;
    this.#firstAnswer = awaitsAccepted ? Answer.Awaited : Answer.Missed;
    this.#awayMs = new Float64Array(FIRST_SLOTS * recipients);
    this.#recipientWords = Math.ceil(recipients / 32);
    this.#settled = new Uint32Array(FIRST_SLOTS * this.#recipientWords);
    this.#receipts = new Uint32Array(FIRST_SLOTS * this.#recipientWords);
    this.#head = new Int32Array(clients).fill(NONE);
    this.#tail = new Int32Array(clients).fill(NONE);
  }

  /** Messages of all clients that are not done. */
  get length(): number {
    return this.#length;
  }

  /** Hot path. Puts a message for so many recipients behind the client's others; returns its slot. */
  add(client: number, sequence: number, dueMs: number, bytes: number, recipients = 1): number {
    const slot = this.#takeSlot();
    this.#awaited[slot] = recipients;
    this.#settled.fill(0, slot * this.#recipientWords, (slot + 1) * this.#recipientWords);
    this.#receipts.fill(0, slot * this.#recipientWords, (slot + 1) * this.#recipientWords);
    this.#sequence[slot] = sequence;
    this.#dueMs[slot] = dueMs;
    this.#bytes[slot] = bytes;
    this.#state[slot] = MessageState.Due;
    this.#answer[slot] = this.#firstAnswer;
    this.#senderAwayMs[slot] = 0;
    this.#awayMs.fill(0, slot * this.#recipients, (slot + 1) * this.#recipients);
    this.#next[slot] = NONE;
    const tail = this.#tail[client] as number;
    this.#before[slot] = tail;
    if (tail === NONE) this.#head[client] = slot;
    else this.#next[tail] = slot;
    this.#tail[client] = slot;
    this.#length += 1;
    return slot;
  }

  /** First slot of a client, or -1. */
  first(client: number): number {
    return this.#head[client] as number;
  }

  /** Last slot of a client, or -1. */
  last(client: number): number {
    return this.#tail[client] as number;
  }

  /** The slot behind `slot`, or -1. */
  after(slot: number): number {
    return this.#next[slot] as number;
  }

  /** The slot in front of `slot`, or -1. */
  before(slot: number): number {
    return this.#before[slot] as number;
  }

  sequenceOf(slot: number): number {
    return this.#sequence[slot] as number;
  }

  dueMsOf(slot: number): number {
    return this.#dueMs[slot] as number;
  }

  sentMsOf(slot: number): number {
    return this.#sentMs[slot] as number;
  }

  /** When it was first handed to a socket. */
  setSentMs(slot: number, nowMs: number): void {
    this.#sentMs[slot] = nowMs;
  }

  /** How long its sender had been away until it was due. */
  senderAwayMsOf(slot: number): number {
    return this.#senderAwayMs[slot] as number;
  }

  setSenderAwayMs(slot: number, awayMs: number): void {
    this.#senderAwayMs[slot] = awayMs;
  }

  /**
   * What is to be taken off the time that a recipient has been away since then to know how long it waited for people:
   * until it is delivered that of the recipient, and then, for the receipt, that of the sender.
   */
  awayMsOf(slot: number, recipient: number): number {
    return this.#awayMs[slot * this.#recipients + recipient] as number;
  }

  setAwayMs(slot: number, recipient: number, awayMs: number): void {
    this.#awayMs[slot * this.#recipients + recipient] = awayMs;
  }

  bytesOf(slot: number): number {
    return this.#bytes[slot] as number;
  }

  stateOf(slot: number): number {
    return this.#state[slot] as number;
  }

  setState(slot: number, state: number): void {
    this.#state[slot] = state;
  }

  /** What was sent on a connection that died goes out again: it is `Again` or `Unhandled`. */
  repeat(client: number, slot: number, state: number): void {
    this.#state[slot] = state;
    this.#writeFrom.set(client, this.first(client));
  }

  /** Hot path. What was to be written is written, in front of this slot; -1: all of it. */
  writeNextFrom(client: number, slot: number): void {
    if (slot !== NONE) this.#writeFrom.set(client, slot);
    else if (this.#writeFrom.size > 0) this.#writeFrom.delete(client);
  }

  /** Hot path. The first slot of a client that may have to be written, or -1; all that fell due since then is behind it. */
  firstToWrite(client: number): number {
    const from = this.#writeFrom.size > 0 ? this.#writeFrom.get(client) : undefined;
    if (from !== undefined) return from;
    let slot = NONE;
    let at = this.#tail[client] as number;
    while (at !== NONE && (this.#state[at] === MessageState.Due || this.#state[at] === MessageState.Held)) {
      slot = at;
      at = this.#before[at] as number;
    }
    return slot;
  }

  /**
   * Hot path. The slot of a client's message, or -1. Answers come in order, so it is among the first; where those are never
   * done, because their answer does not come, it is among the last.
   */
  find(client: number, sequence: number): number {
    let first = this.#head[client] as number;
    if (first === NONE) return NONE;
    let last = this.#tail[client] as number;
    const isNearFirst =
      sequence - (this.#sequence[first] as number) <= (this.#sequence[last] as number) - sequence;
    if (isNearFirst) {
      while (first !== NONE && (this.#sequence[first] as number) < sequence)
        first = this.#next[first] as number;
      return first !== NONE && this.#sequence[first] === sequence ? first : NONE;
    }
    while (last !== NONE && (this.#sequence[last] as number) > sequence) last = this.#before[last] as number;
    return last !== NONE && this.#sequence[last] === sequence ? last : NONE;
  }

  answerOf(slot: number): number {
    return this.#answer[slot] as number;
  }

  /** Hot path. ACCEPTED has come, or cannot come any more; the message goes if nothing else is awaited. */
  setAnswer(client: number, slot: number, answer: number): void {
    this.#answer[slot] = answer;
    this.#removeIfDone(client, slot);
  }

  hasReceipt(slot: number, recipient: number): boolean {
    return ((this.#receipts[this.#wordOf(slot, recipient)] as number) & (1 << (recipient & 31))) !== 0;
  }

  /**
   * Hot path. Takes the receipt of a recipient.
   * @returns false where it is here already: after a crash one may come twice
   */
  takeReceipt(slot: number, recipient: number): boolean {
    if (this.hasReceipt(slot, recipient)) return false;
    (this.#receipts[this.#wordOf(slot, recipient)] as number) |= 1 << (recipient & 31);
    return true;
  }

  isSettled(slot: number, recipient: number): boolean {
    return ((this.#settled[this.#wordOf(slot, recipient)] as number) & (1 << (recipient & 31))) !== 0;
  }

  /** Hot path. One recipient is done with, and stays so whatever comes later; the message goes if nothing else is awaited. */
  settle(client: number, slot: number, recipient: number): void {
    if (this.isSettled(slot, recipient)) return;
    (this.#settled[this.#wordOf(slot, recipient)] as number) |= 1 << (recipient & 31);
    (this.#awaited[slot] as number) -= 1;
    this.#removeIfDone(client, slot);
  }

  #wordOf(slot: number, recipient: number): number {
    return slot * this.#recipientWords + (recipient >>> 5);
  }

  #removeIfDone(client: number, slot: number): void {
    if (this.#awaited[slot] === 0 && this.#answer[slot] !== Answer.Awaited) this.remove(client, slot);
  }

  /** Hot path. Takes a message out: it is done. */
  remove(client: number, slot: number): void {
    const before = this.#before[slot] as number;
    if (before === FREE) return;
    const next = this.#next[slot] as number;
    if (this.#writeFrom.size > 0 && this.#writeFrom.get(client) === slot) this.writeNextFrom(client, next);
    if (before === NONE) this.#head[client] = next;
    else this.#next[before] = next;
    if (next === NONE) this.#tail[client] = before;
    else this.#before[next] = before;
    this.#before[slot] = FREE;
    this.#next[slot] = this.#free;
    this.#free = slot;
    this.#length -= 1;
  }

  #takeSlot(): number {
    if (this.#free !== NONE) {
      const slot = this.#free;
      this.#free = this.#next[slot] as number;
      return slot;
    }
    if (this.#used === this.#sequence.length) this.#grow();
    this.#used += 1;
    return this.#used - 1;
  }

  #grow(): void {
    const slots = this.#sequence.length * 2;
    this.#sequence = grown(this.#sequence, new Uint32Array(slots));
    this.#dueMs = grown(this.#dueMs, new Float64Array(slots));
    this.#bytes = grown(this.#bytes, new Uint32Array(slots));
    this.#sentMs = grown(this.#sentMs, new Float64Array(slots));
    this.#senderAwayMs = grown(this.#senderAwayMs, new Float64Array(slots));
    this.#awayMs = grown(this.#awayMs, new Float64Array(slots * this.#recipients));
    this.#state = grown(this.#state, new Uint8Array(slots));
    this.#answer = grown(this.#answer, new Uint8Array(slots));
    this.#next = grown(this.#next, new Int32Array(slots));
    this.#before = grown(this.#before, new Int32Array(slots));
    this.#awaited = grown(this.#awaited, new Uint16Array(slots));
    this.#settled = grown(this.#settled, new Uint32Array(slots * this.#recipientWords));
    this.#receipts = grown(this.#receipts, new Uint32Array(slots * this.#recipientWords));
  }
}
