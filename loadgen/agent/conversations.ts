import { FLAG_REDELIVERY, FLAG_UNDELIVERED, type Frame, FrameType } from '../../protocol/frame.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { IntervalHistograms } from './interval-histograms.js';
import { Ledger, type LedgerTotals } from './ledger.js';
import { MessageState, Outbox } from './outbox.js';
import { type PayloadMaker, readDueMs } from './payload.js';

const NONE = -1;

/** A message, as it came out of a mailbox. */
export interface Delivered {
  /** Its group, and its number there. */
  group?: number;
  number?: number;
  flags: number;
  from: number;
  id: number;
  payload: Uint8Array;
}

/** A receipt, as it came out of a mailbox. */
export interface Receipted {
  flags: number;
  by: number;
  id: number;
}

export interface ConversationOptions {
  /** Clients of the agent, and the user that client 0 is. */
  clients: number;
  firstUser: number;
  /** `pairs`: with SEND; `groups`: with GROUP_SEND. */
  kind: 'pairs' | 'groups';
  /** Neighbours who talk to each other. */
  members: number;
  /** What the ids of messages count from, so that no two conversations and no two runs have the same. */
  firstId: number;
  /** The server began with this run: nothing in its mailboxes can be of an earlier one. */
  isServerFresh: boolean;
  payloads: PayloadMaker;
  histograms: IntervalHistograms;
  /** False for a client that was away on purpose at some time since then: it waited for itself. */
  wasThere(client: number, dueMs: number): boolean;
}

/**
 * What neighbours say to each other: clients 0 … members - 1 are one conversation, the next ones another, and whatever
 * one of them says is for all others of it. Kept here are the messages under way and the ledger of all.
 */
export class Conversations {
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  /** Number of the newest message of the group that came, by member. */
  readonly #lastNumber: Uint32Array;
  readonly #options: ConversationOptions;

  constructor(options: ConversationOptions) {
    const { clients, members } = options;
    this.#options = options;
    this.#lastNumber = new Uint32Array(options.kind === 'groups' ? clients : 0);
    this.ledger = new Ledger(clients, members - 1);
    this.outbox = new Outbox(clients, members - 1);
  }

  /** First client of the conversation of this one. */
  firstOf(client: number): number {
    return client - (client % this.#options.members);
  }

  /** Clients that a message of this one is for. */
  recipientsOf(client: number): number {
    const { clients, members } = this.#options;
    return Math.min(members, clients - this.firstOf(client)) - 1;
  }

  /** Hot path. A message of `client` fell due, and can be sent now or not. */
  add(client: number, dueMs: number, bytes: number, canSend: boolean): void {
    const sequence = this.ledger.nextSequence(client);
    const slot = this.outbox.add(client, sequence, dueMs, bytes, this.recipientsOf(client));
    if (!canSend) this.outbox.setState(slot, MessageState.Held);
  }

  /** Whether an id is one of those that its clients have given. */
  has(id: number): boolean {
    return id >= this.#options.firstId;
  }

  /**
   * The client is connected again: what was sent and not accepted may be lost, and goes out again, before anything new.
   * @returns whether there is anything to send
   */
  resume(client: number): boolean {
    let hasSomethingToSend = false;
    for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot)) {
      const state = this.outbox.stateOf(slot);
      if (state === MessageState.Sent) this.outbox.setState(slot, MessageState.Again);
      if (state !== MessageState.Accepted) hasSomethingToSend = true;
    }
    return hasSomethingToSend;
  }

  /** Hot path. Gives every message of `client` that is due to `write`, in order. */
  takeDue(client: number, write: (client: number, frame: Frame) => void): void {
    for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot)) {
      const state = this.outbox.stateOf(slot);
      if (state === MessageState.Sent || state === MessageState.Accepted) continue;
      const sequence = this.outbox.sequenceOf(slot);
      const dueMs = this.outbox.dueMsOf(slot);
      if (state !== MessageState.Again) {
        if (this.#options.kind === 'groups') this.ledger.toGroups += 1;
        this.ledger.sent += this.recipientsOf(client);
      }
      if (state === MessageState.Due) this.#options.histograms.record('lag', monotonicMs() - dueMs);
      this.outbox.setState(slot, MessageState.Sent);
      const payload = this.#options.payloads.make(this.outbox.bytesOf(slot), dueMs, client, sequence);
      write(client, this.#frame(client, this.#options.firstId + sequence, payload));
    }
  }

  /** Hot path. */
  delivered(client: number, message: Delivered): void {
    const { firstId, firstUser, histograms } = this.#options;
    const { flags, from, id, payload } = message;
    const sequence = id - firstId;
    if (sequence < 1) {
      this.deliveredUnasked(id);
      return;
    }
    const sender = from - firstUser;
    const flow = this.#isOfGroup(client, message) ? this.#flow(sender, client) : NONE;
    const delivery =
      flow === NONE
        ? this.ledger.deliverForeign()
        : this.ledger.deliver(flow, sequence, (flags & FLAG_REDELIVERY) !== 0);
    if (delivery !== 'first' && delivery !== 'late') return;
    if (delivery === 'first') this.#checkNumber(client, message.number);
    const dueMs = readDueMs(payload, sender, sequence);
    if (dueMs === undefined || !this.#wereThere(sender, client, dueMs)) return;
    histograms.record('delivered', monotonicMs() - dueMs);
  }

  /** What none of its clients can have sent: left over from an earlier run, or the server has made it up. */
  deliveredUnasked(id: number): void {
    const { firstId, isServerFresh } = this.#options;
    if (id < firstId && !isServerFresh) this.ledger.leftOver += 1;
    else this.ledger.deliverForeign();
  }

  /** Hot path. */
  accepted(client: number, id: number): void {
    const slot = this.outbox.find(client, id - this.#options.firstId);
    if (slot !== NONE) this.#accept(client, slot);
  }

  /** Hot path. */
  receipted(client: number, { flags, by, id }: Receipted): void {
    const { firstId, firstUser, histograms } = this.#options;
    const sequence = id - firstId;
    const recipient = by - firstUser;
    const flow = this.#flow(client, recipient);
    const slot = flow === NONE ? NONE : this.outbox.find(client, sequence);
    if (slot === NONE) return;
    // A receipt says more than ACCEPTED does; after a reconnect it may come instead of it, or before it.
    this.#accept(client, slot);
    const dueMs = this.outbox.dueMsOf(slot);
    if (!this.outbox.takeReceipt(client, slot, flow - client * this.#mostRecipients)) return;
    if ((flags & FLAG_UNDELIVERED) !== 0) {
      this.ledger.refuse(flow, sequence);
      return;
    }
    this.ledger.receipted += 1;
    if (this.#wereThere(client, recipient, dueMs)) histograms.record('receipt', monotonicMs() - dueMs);
  }

  /** The server does not take a message. */
  refused(client: number, id: number): void {
    const sequence = id - this.#options.firstId;
    const slot = this.outbox.find(client, sequence);
    // What was accepted once stays so: a repetition may be refused by a server that cannot look it up just now.
    if (slot === NONE || this.outbox.stateOf(slot) === MessageState.Accepted) return;
    this.outbox.remove(client, slot);
    const firstFlow = client * this.#mostRecipients;
    const recipients = this.recipientsOf(client);
    for (let flow = firstFlow; flow < firstFlow + recipients; flow += 1) this.ledger.refuse(flow, sequence);
  }

  /** The account of all of them. */
  totals(): LedgerTotals {
    return this.ledger.totals(this.#countUnsent());
  }

  /** Messages that fell due and were never handed to a socket, once for each recipient. */
  #countUnsent(): number {
    let unsent = 0;
    for (let client = 0; client < this.#options.clients; client += 1) {
      for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot)) {
        const state = this.outbox.stateOf(slot);
        if (state === MessageState.Due || state === MessageState.Held) unsent += this.recipientsOf(client);
      }
    }
    return unsent;
  }

  get #mostRecipients(): number {
    return this.#options.members - 1;
  }

  /** Enters that the server holds a message, where that was not known. */
  #accept(client: number, slot: number): void {
    if (this.outbox.stateOf(slot) === MessageState.Accepted) return;
    this.outbox.setState(slot, MessageState.Accepted);
    this.ledger.accepted += this.recipientsOf(client);
    const dueMs = this.outbox.dueMsOf(slot);
    if (this.#options.wasThere(client, dueMs))
      this.#options.histograms.record('accepted', monotonicMs() - dueMs);
  }

  #isOfGroup(client: number, { group }: Delivered): boolean {
    return this.#options.kind === 'pairs' || group === this.#options.firstUser + this.firstOf(client);
  }

  /** All members get the messages of a group in one order, that of their numbers. */
  #checkNumber(client: number, number: number | undefined): void {
    if (number === undefined) return;
    if (number <= (this.#lastNumber[client] as number)) this.ledger.outOfOrder += 1;
    else this.#lastNumber[client] = number;
  }

  /** Number of the flow between two clients of one conversation; -1 where they are none. */
  #flow(sender: number, recipient: number): number {
    const { clients } = this.#options;
    if (sender < 0 || sender >= clients || recipient < 0 || recipient >= clients) return NONE;
    if (sender === recipient || this.firstOf(sender) !== this.firstOf(recipient)) return NONE;
    const place = recipient - this.firstOf(recipient);
    return sender * this.#mostRecipients + (recipient < sender ? place : place - 1);
  }

  #wereThere(one: number, other: number, dueMs: number): boolean {
    return this.#options.wasThere(one, dueMs) && this.#options.wasThere(other, dueMs);
  }

  #frame(client: number, id: number, payload: Uint8Array): Frame {
    const { firstUser, kind } = this.#options;
    return kind === 'pairs'
      ? { type: FrameType.Send, to: firstUser + (client ^ 1), id, payload }
      : { type: FrameType.GroupSend, group: firstUser + this.firstOf(client), id, payload };
  }
}
