import { FLAG_REDELIVERY, FLAG_UNDELIVERED, type Frame, FrameType } from '../../protocol/frame.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { Absences } from './absences.js';
import type { IntervalHistograms } from './interval-histograms.js';
import { Ledger, type LedgerTotals } from './ledger.js';
import { Answer, MessageState, Outbox } from './outbox.js';
import { dueMsIn, isIntact, type PayloadMaker } from './payload.js';

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
  /** What the payloads carry as the number of the run. */
  run: number;
  payloads: PayloadMaker;
  histograms: IntervalHistograms;
  absences: Absences;
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
    const recipients = this.recipientsOf(client);
    const sequence = this.ledger.nextSequence(client);
    const slot = this.outbox.add(client, sequence, dueMs, bytes, recipients);
    if (!canSend) this.outbox.setState(slot, MessageState.Held);
    const { absences } = this.#options;
    if (!absences.hadAny) return;
    this.outbox.setSenderAwayMs(slot, absences.totalMs(client, dueMs));
    for (let recipient = 0; recipient < recipients; recipient += 1)
      this.outbox.setAwayMs(slot, recipient, absences.totalMs(this.#recipientAt(client, recipient), dueMs));
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
    const first = this.firstOf(client);
    for (let other = first; other <= first + this.recipientsOf(client); other += 1)
      if (other !== client) this.ledger.reconnected(this.#flow(other, client));
    let hasSomethingToSend = false;
    for (let slot = this.outbox.first(client), next = NONE; slot !== NONE; slot = next) {
      next = this.outbox.after(slot);
      const state = this.outbox.stateOf(slot);
      if (state === MessageState.Sent) this.outbox.setState(slot, MessageState.Again);
      if (state !== MessageState.Kept) hasSomethingToSend = true;
      else if (this.outbox.answerOf(slot) === Answer.Awaited) {
        this.#missAccepted(client, slot);
      }
    }
    return hasSomethingToSend;
  }

  /** Hot path. Gives every message of `client` that is due to `write`, in order. */
  takeDue(client: number, write: (client: number, frame: Frame) => void): void {
    for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot)) {
      const state = this.outbox.stateOf(slot);
      if (state === MessageState.Sent || state === MessageState.Kept) continue;
      const sequence = this.outbox.sequenceOf(slot);
      const dueMs = this.outbox.dueMsOf(slot);
      const nowMs = monotonicMs();
      if (state !== MessageState.Again) this.#sendsFirst(client, slot, nowMs);
      if (state === MessageState.Due) this.#options.histograms.record('lag', nowMs - dueMs, dueMs);
      this.outbox.setState(slot, MessageState.Sent);
      const user = this.#options.firstUser + client;
      const payload = this.#options.payloads.make(this.outbox.bytesOf(slot), dueMs, user, sequence);
      write(client, this.#frame(client, this.#options.firstId + sequence, payload));
    }
  }

  /** Hot path. */
  delivered(client: number, message: Delivered): void {
    const { firstId, firstUser, run } = this.#options;
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
    if (delivery === 'foreign') return;
    const isWhole = isIntact(payload, run, from, sequence);
    if (!isWhole) this.ledger.corrupted += 1;
    if (delivery !== 'first' && delivery !== 'late') return;
    if (delivery === 'first') this.#checkNumber(client, message.number);
    const slot = this.outbox.find(sender, sequence);
    const nowMs = monotonicMs();
    if (slot !== NONE) this.#timeDelivery(sender, client, slot, flow, nowMs);
    // It was refused and comes all the same: how long it took, only its payload tells.
    else if (isWhole)
      this.#options.histograms.record('delivered', nowMs - dueMsIn(payload), dueMsIn(payload));
    if (this.ledger.takeEarlyReceipt(flow, sequence) && slot !== NONE) this.outbox.settle(sender, slot);
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
    if (slot === NONE || this.outbox.answerOf(slot) !== Answer.Awaited) return;
    this.outbox.setState(slot, MessageState.Kept);
    this.ledger.accepted += this.recipientsOf(client);
    const dueMs = this.outbox.dueMsOf(slot);
    const nowMs = monotonicMs();
    const awayMs = this.#options.absences.totalMs(client, nowMs) - this.outbox.senderAwayMsOf(slot);
    this.#options.histograms.record('accepted', nowMs - dueMs - awayMs, dueMs);
    this.outbox.setAnswer(client, slot, Answer.Accepted);
  }

  /** Hot path. */
  receipted(client: number, { flags, by, id }: Receipted): void {
    const { firstId, firstUser, histograms, absences } = this.#options;
    const sequence = id - firstId;
    const flow = this.#flow(client, by - firstUser);
    const slot = flow === NONE ? NONE : this.outbox.find(client, sequence);
    if (slot === NONE) return;
    const recipient = flow - client * this.#mostRecipients;
    if (!this.outbox.takeReceipt(slot, recipient)) return;
    // A receipt says more than ACCEPTED does; after a reconnect it may come instead of it, or before it.
    if (this.outbox.stateOf(slot) === MessageState.Again) this.#missAccepted(client, slot);
    this.outbox.setState(slot, MessageState.Kept);
    if ((flags & FLAG_UNDELIVERED) !== 0) {
      this.ledger.refuse(flow, sequence);
      this.outbox.settle(client, slot);
      return;
    }
    const dueMs = this.outbox.dueMsOf(slot);
    const nowMs = monotonicMs();
    const isDelivered = this.ledger.receipt(flow, sequence);
    const awayMs = isDelivered
      ? this.outbox.awayMsOf(slot, recipient) + absences.totalMs(client, nowMs)
      : absences.totalMs(client, nowMs) - this.outbox.senderAwayMsOf(slot);
    histograms.record('receipt', nowMs - dueMs - awayMs, dueMs);
    if (isDelivered) this.outbox.settle(client, slot);
  }

  /** The server does not take a message. */
  refused(client: number, id: number): void {
    const sequence = id - this.#options.firstId;
    const slot = this.outbox.find(client, sequence);
    // What was accepted once stays so: a repetition may be refused by a server that cannot look it up just now.
    if (slot === NONE || this.outbox.stateOf(slot) === MessageState.Kept) return;
    this.outbox.remove(client, slot);
    const firstFlow = client * this.#mostRecipients;
    const recipients = this.recipientsOf(client);
    for (let flow = firstFlow; flow < firstFlow + recipients; flow += 1) this.ledger.refuse(flow, sequence);
  }

  /** The account of all of them. */
  totals(): LedgerTotals {
    const open = { unsent: 0, acceptedNotDelivered: 0, deliveredNotReceipted: 0, impliedAccepted: 0 };
    for (let client = 0; client < this.#options.clients; client += 1)
      for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot))
        this.#addOpen(open, client, slot);
    return this.ledger.totals(open);
  }

  /** What has become of a message that is not done, once for each recipient. */
  #addOpen(
    open: {
      unsent: number;
      acceptedNotDelivered: number;
      deliveredNotReceipted: number;
      impliedAccepted: number;
    },
    client: number,
    slot: number,
  ): void {
    const state = this.outbox.stateOf(slot);
    const recipients = this.recipientsOf(client);
    if (state === MessageState.Due || state === MessageState.Held) {
      open.unsent += recipients;
      return;
    }
    const sequence = this.outbox.sequenceOf(slot);
    const answer = this.outbox.answerOf(slot);
    for (let recipient = 0; recipient < recipients; recipient += 1) {
      const isDelivered = this.ledger.hasSeen(client * this.#mostRecipients + recipient, sequence);
      const hasReceipt = this.outbox.hasReceipt(slot, recipient);
      if (isDelivered && !hasReceipt) open.deliveredNotReceipted += 1;
      if (!isDelivered && !hasReceipt && answer === Answer.Accepted) open.acceptedNotDelivered += 1;
      if ((isDelivered || hasReceipt) && answer === Answer.Awaited) open.impliedAccepted += 1;
    }
  }

  get #mostRecipients(): number {
    return this.#options.members - 1;
  }

  /** A receipt says that the server has a message, and ACCEPTED was lost with the connection that it was to come on. */
  #missAccepted(client: number, slot: number): void {
    this.ledger.impliedAccepted += this.recipientsOf(client);
    this.outbox.setAnswer(client, slot, Answer.Missed);
  }

  /** Hot path. A message is written for the first time. */
  #sendsFirst(client: number, slot: number, nowMs: number): void {
    const recipients = this.recipientsOf(client);
    if (this.#options.kind === 'groups') this.ledger.toGroups += 1;
    this.ledger.sent += recipients;
    this.outbox.setSentMs(slot, nowMs);
    const { absences } = this.#options;
    if (!absences.hadAny) return;
    // What waited for its own sender did not wait for the server.
    const heldMs = absences.totalMs(client, nowMs) - this.outbox.senderAwayMsOf(slot);
    for (let recipient = 0; heldMs > 0 && recipient < recipients; recipient += 1)
      this.outbox.setAwayMs(slot, recipient, this.outbox.awayMsOf(slot, recipient) - heldMs);
  }

  /** Hot path. How long it took, without the time for which somebody was away on purpose. */
  #timeDelivery(sender: number, client: number, slot: number, flow: number, nowMs: number): void {
    const { histograms, absences } = this.#options;
    const dueMs = this.outbox.dueMsOf(slot);
    const recipient = flow - sender * this.#mostRecipients;
    const awayMs = absences.totalMs(client, nowMs) - this.outbox.awayMsOf(slot, recipient);
    histograms.record('delivered', nowMs - dueMs - awayMs, dueMs);
    histograms.record('deliveredSinceSent', nowMs - this.outbox.sentMsOf(slot) - awayMs, dueMs);
    if (!absences.hadAny) return;
    this.outbox.setAwayMs(slot, recipient, awayMs - absences.totalMs(sender, nowMs));
    if (awayMs <= 0) return;
    this.ledger.awayAdjusted += 1;
    const backAtMs = absences.backAtMs(client);
    if (backAtMs > dueMs) histograms.record('waiting', nowMs - backAtMs, dueMs);
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

  /** Client that is recipient number `recipient` of another. */
  #recipientAt(sender: number, recipient: number): number {
    const client = this.firstOf(sender) + recipient;
    return client < sender ? client : client + 1;
  }

  #frame(client: number, id: number, payload: Uint8Array): Frame {
    const { firstUser, kind } = this.#options;
    return kind === 'pairs'
      ? { type: FrameType.Send, to: firstUser + (client ^ 1), id, payload }
      : { type: FrameType.GroupSend, group: firstUser + this.firstOf(client), id, payload };
  }
}
