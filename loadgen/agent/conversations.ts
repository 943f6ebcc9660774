import type { Promises } from '../../record/promises.js';
import { type ClientProtocol, GROUP_BIT, type Output } from '../drivers/driver.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { Absences } from './absences.js';
import type { IntervalHistograms } from './interval-histograms.js';
import { Ledger, type LedgerTotals } from './ledger.js';
import { Answer, MessageState, Outbox } from './outbox.js';
import { dueMsIn, isIntact, type PayloadMaker } from './payload.js';
import { SequenceSets } from './sequence-sets.js';

const NONE = -1;

export interface ConversationOptions {
  /** Clients of the agent, and the user that client 0 is. */
  clients: number;
  firstUser: number;
  /** `pairs`: everybody has one partner; `groups`; `alone`: everybody writes to itself. */
  kind: 'pairs' | 'groups' | 'alone';
  /** Neighbours who talk to each other; 1 where they are alone. */
  members: number;
  promises: Omit<Promises, 'groups' | 'order' | 'recipient'>;
  /** What the payloads carry as the number of the run. */
  run: number;
  payloads: PayloadMaker;
  histograms: IntervalHistograms;
  absences: Absences;
}

/** What is asked of a protocol for each message. */
export type MessageWriter = Required<Pick<ClientProtocol, 'hasRoom' | 'writeMessage'>>;

/**
 * What neighbours say to each other: clients 0 … members - 1 are one conversation, the next ones another, and whatever
 * one of them says is for all others of it. Kept here are the messages under way and the ledger of all.
 */
export class Conversations {
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly #mostRecipients: number;
  /** Before that of the first message, as others know it. */
  readonly #firstSequence: number;
  /** Accepted, and given up: the server does not keep them for somebody who was not connected. */
  readonly #gone = new SequenceSets();
  /** Clients that were connected when the run ended, and had something to write. */
  readonly #heldBack = new Set<number>();
  /** Given up or refused before their receipt came: they may be delivered, and receipted, all the same. */
  readonly #unreceipted = new SequenceSets();
  /** Place of the newest message of the group that came, by member. */
  readonly #lastPlace: Uint32Array;
  readonly #storesForAway: boolean;
  /** Clients whose next login begins a session, so that nothing of the one before comes any more; none where messages wait for them. */
  readonly #beginsSession: Uint8Array;
  readonly #options: ConversationOptions;

  constructor(options: ConversationOptions) {
    const { clients, members, kind, promises } = options;
    this.#options = options;
    this.#mostRecipients = Math.max(1, members - 1);
    this.#firstSequence = kind === 'groups' ? GROUP_BIT : 0;
    this.#lastPlace = new Uint32Array(kind === 'groups' ? clients : 0);
    const { storesForAway, groupsStoreForAway = storesForAway } = promises;
    this.#storesForAway = kind === 'groups' ? groupsStoreForAway : storesForAway;
    this.#beginsSession = new Uint8Array(this.#storesForAway ? 0 : clients);
    this.ledger = new Ledger(clients, this.#mostRecipients);
    this.outbox = new Outbox(clients, this.#mostRecipients, promises.accepted);
  }

  /** First client of the conversation of this one. */
  firstOf(client: number): number {
    return client - (client % this.#options.members);
  }

  /**
   * Clients that a message of this one is for.
   * @param clients of whom it is one: those of the agent, or with those of all agents, as conversations are whole in each
   */
  recipientsOf(client: number, clients = this.#options.clients): number {
    const { members, kind } = this.#options;
    return kind === 'alone' ? 1 : Math.min(members, clients - this.firstOf(client)) - 1;
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

  /**
   * The client has a new session, which is mostly a new connection: what it had in an earlier one may be delivered once more.
   * Also before its login is known, as servers of some protocols hand out what waited before they say that it is done.
   */
  connected(client: number): void {
    if (!this.#storesForAway) this.#beginsSession[client] = 1;
    this.#forEachSenderTo(client, (_sender, flow) => this.ledger.reconnected(flow));
  }

  /**
   * The client is logged in: what was sent and not accepted may be lost, and goes out again, before anything new.
   * @returns whether there is anything to send
   */
  resume(client: number): boolean {
    if (this.#beginsSession[client] === 1) {
      this.#beginsSession[client] = 0;
      this.#forEachSenderTo(client, (sender, flow) => this.#giveUp(sender, flow));
    }
    let hasSomethingToSend = false;
    for (let slot = this.outbox.first(client), next = NONE; slot !== NONE; slot = next) {
      next = this.outbox.after(slot);
      if (this.outbox.stateOf(slot) === MessageState.Sent) this.#connectionDied(client, slot);
      // The connection on which it fell due has died before it could leave.
      else if (this.outbox.stateOf(slot) === MessageState.Due) this.outbox.setState(slot, MessageState.Held);
      const state = this.outbox.stateOf(slot);
      if (state !== MessageState.Kept) hasSomethingToSend = true;
      else if (this.outbox.answerOf(slot) === Answer.Awaited) {
        this.#missAccepted(client, slot);
      }
    }
    return hasSomethingToSend;
  }

  /** Hot path. When the first message of `client` that is to be written fell due, or one in front of it; there is none: Infinity. */
  nextDueMs(client: number): number {
    const slot = this.outbox.firstToWrite(client);
    return slot === NONE ? Number.POSITIVE_INFINITY : this.outbox.dueMsOf(slot);
  }

  /** Hot path. Lets the protocol write every message of `client` that is due, in order, as far as it has room for them. */
  writeDue(client: number, protocol: MessageWriter, out: Output): void {
    const { firstUser, payloads, promises } = this.#options;
    for (let slot = this.outbox.firstToWrite(client), next = NONE; slot !== NONE; slot = next) {
      // A driver may refuse a message as it is asked to write it, and that takes it out of the outbox.
      next = this.outbox.after(slot);
      const state = this.outbox.stateOf(slot);
      if (state === MessageState.Sent || state === MessageState.Kept) continue;
      if (!protocol.hasRoom(client)) {
        this.#holdBack(client, slot);
        return;
      }
      const sequence = this.outbox.sequenceOf(slot);
      const dueMs = this.outbox.dueMsOf(slot);
      const nowMs = monotonicMs();
      if (state === MessageState.Due || state === MessageState.Held) this.#sendsFirst(client, slot, nowMs);
      else if (state === MessageState.Again && !promises.recognizesRepetitions)
        this.#sendsAgain(client, sequence);
      if (state === MessageState.Due) this.#recordLag(client, slot, nowMs, dueMs);
      // A protocol without ACCEPTED never says what to send again: what is written counts as kept.
      this.outbox.setState(slot, promises.accepted ? MessageState.Sent : MessageState.Kept);
      const number = this.#firstSequence + sequence;
      const payload = payloads.make(this.outbox.bytesOf(slot), dueMs, firstUser + client, number);
      protocol.writeMessage(client, this.#writesTo(client), number, payload, out);
    }
    this.outbox.writeNextFrom(client, NONE);
  }

  /**
   * Hot path. A message came to `client`.
   * @param sequence from 1
   * @param place of all messages of the group, where it comes
   */
  delivered(
    client: number,
    sender: number,
    sequence: number,
    payload: Buffer,
    isRedelivery: boolean,
    place?: number,
  ): void {
    const { firstUser, run, promises, histograms } = this.#options;
    const flow = this.#flow(sender, client);
    const mayBeAgain = promises.delivery === 'at-least-once' && (isRedelivery || !promises.marksRedelivery);
    const delivery =
      flow === NONE ? this.ledger.deliverForeign() : this.ledger.deliver(flow, sequence, mayBeAgain);
    if (delivery === 'foreign') return;
    const isWhole = isIntact(payload, run, firstUser + sender, this.#firstSequence + sequence);
    if (!isWhole) this.ledger.corrupted += 1;
    if (delivery !== 'first' && delivery !== 'late') return;
    if (delivery === 'first') this.#checkPlace(client, place);
    const slot = this.outbox.find(sender, sequence);
    const nowMs = monotonicMs();
    if (slot !== NONE) this.#timeDelivery(sender, client, slot, flow, nowMs);
    // It was refused, so the outbox has forgotten it, and is delivered all the same: its due time is in the payload.
    else if (isWhole) histograms.record('delivered', nowMs - dueMsIn(payload), dueMsIn(payload));
    const isAwaited = promises.receipt && !this.ledger.takeEarlyReceipt(flow, sequence);
    if (!isAwaited && slot !== NONE) this.outbox.settle(sender, slot, flow - sender * this.#mostRecipients);
  }

  /** Hot path. */
  accepted(client: number, sequence: number): void {
    const slot = this.outbox.find(client, sequence);
    if (slot === NONE || this.outbox.answerOf(slot) !== Answer.Awaited) return;
    this.outbox.setState(slot, MessageState.Kept);
    this.ledger.accepted += this.recipientsOf(client);
    const dueMs = this.outbox.dueMsOf(slot);
    const nowMs = monotonicMs();
    const awayMs = this.#options.absences.totalMs(client, nowMs) - this.outbox.senderAwayMsOf(slot);
    this.#options.histograms.record('accepted', nowMs - dueMs - awayMs, dueMs);
    this.outbox.setAnswer(client, slot, Answer.Accepted);
  }

  /** The server says that it has not got what was written on a connection that died: sent again, it is still one copy. */
  unhandled(client: number, sequence: number): void {
    const slot = this.outbox.find(client, sequence);
    if (slot !== NONE && this.outbox.stateOf(slot) === MessageState.Sent)
      this.outbox.repeat(client, slot, MessageState.Unhandled);
  }

  /** Hot path. `client` is told that `by` has its message. */
  receipted(client: number, by: number, sequence: number): void {
    const { histograms, absences } = this.#options;
    const slot = this.#takeReceipt(client, by, sequence);
    const flow = this.#flow(client, by);
    const wasGivenUp = this.#unreceipted.delete(flow, sequence);
    if (slot === NONE) {
      if (!wasGivenUp) return;
      // The outbox has forgotten when it was due, so that how long this took nobody knows.
      this.ledger.receipt(flow, sequence);
      if (this.ledger.hasRefused(flow, sequence)) this.ledger.impliedAccepted += 1;
      return;
    }
    const recipient = flow - client * this.#mostRecipients;
    const dueMs = this.outbox.dueMsOf(slot);
    const nowMs = monotonicMs();
    const isDelivered = this.ledger.receipt(flow, sequence);
    const awayMs = isDelivered
      ? this.outbox.awayMsOf(slot, recipient) + absences.totalMs(client, nowMs)
      : absences.totalMs(client, nowMs) - this.outbox.senderAwayMsOf(slot);
    histograms.record('receipt', nowMs - dueMs - awayMs, dueMs);
    if (isDelivered) this.outbox.settle(client, slot, recipient);
  }

  /** `client` is told that `by` will never have its message. */
  undeliverable(client: number, by: number, sequence: number): void {
    const slot = this.#takeReceipt(client, by, sequence);
    if (slot === NONE) return;
    const flow = this.#flow(client, by);
    this.ledger.refuse(flow, sequence);
    this.outbox.settle(client, slot, flow - client * this.#mostRecipients);
  }

  /** The server does not take a message. */
  refused(client: number, sequence: number): void {
    const slot = this.outbox.find(client, sequence);
    // Not in the outbox: done already, and a refusal of its repetition changes nothing.
    if (slot === NONE) return;
    if (this.#options.promises.accepted && this.outbox.stateOf(slot) === MessageState.Kept) {
      // The refusal is of a repetition: a receipt has shown that the server has it. No ACCEPTED will follow.
      if (this.outbox.answerOf(slot) === Answer.Awaited) this.#missAccepted(client, slot);
      return;
    }
    const firstFlow = client * this.#mostRecipients;
    for (let recipient = 0; recipient < this.recipientsOf(client); recipient += 1) {
      this.ledger.refuse(firstFlow + recipient, sequence);
      this.#awaitNoReceipt(slot, recipient, firstFlow + recipient);
    }
    this.outbox.remove(client, slot);
  }

  /**
   * The connection died before ACCEPTED, so the server may have it or not. It is sent again, unless the protocol
   * promises at most once.
   */
  #connectionDied(client: number, slot: number): void {
    if (this.#options.promises.delivery !== 'at-most-once') {
      this.outbox.repeat(client, slot, MessageState.Again);
      return;
    }
    this.outbox.setState(slot, MessageState.Kept);
    this.outbox.setAnswer(client, slot, Answer.Missed);
  }

  /**
   * A server that stores nothing for users who are away will not deliver what was sent to this one before this login: it is waited
   * for no longer.
   */
  #giveUp(sender: number, flow: number): void {
    const recipient = flow - sender * this.#mostRecipients;
    for (let slot = this.outbox.first(sender), next = NONE; slot !== NONE; slot = next) {
      next = this.outbox.after(slot);
      const sequence = this.outbox.sequenceOf(slot);
      const answer = this.outbox.answerOf(slot);
      const isSent = this.outbox.stateOf(slot) === MessageState.Kept && answer !== Answer.Awaited;
      if (!isSent || this.outbox.isSettled(slot, recipient) || this.ledger.hasSeen(flow, sequence)) continue;
      if (answer === Answer.Accepted) this.#gone.add(flow, sequence);
      this.#awaitNoReceipt(slot, recipient, flow);
      this.outbox.settle(sender, slot, recipient);
    }
  }

  /** One that comes all the same counts, and once. */
  #awaitNoReceipt(slot: number, recipient: number, flow: number): void {
    if (this.#options.promises.receipt && !this.outbox.hasReceipt(slot, recipient))
      this.#unreceipted.add(flow, this.outbox.sequenceOf(slot));
  }

  /** The run ends, and `client` is connected: what it does not hand over any more the server has held back. */
  accountHeldBack(client: number): void {
    if (this.outbox.firstToWrite(client) !== NONE) this.#heldBack.add(client);
  }

  /** The account of all of them. */
  totals(): LedgerTotals {
    const open = {
      unsent: 0,
      heldBack: 0,
      acceptedNotDelivered: 0,
      deliveredNotReceipted: 0,
      impliedAccepted: 0,
    };
    for (let client = 0; client < this.#options.clients; client += 1)
      for (let slot = this.outbox.first(client); slot !== NONE; slot = this.outbox.after(slot))
        this.#addOpen(open, client, slot);
    for (const [flow, sequence] of this.#gone.entries())
      if (!this.ledger.hasSeen(flow, sequence) && !this.ledger.hasRefused(flow, sequence))
        open.acceptedNotDelivered += 1;
    for (const [flow, sequence] of this.#unreceipted.entries())
      if (this.ledger.hasSeen(flow, sequence)) open.deliveredNotReceipted += 1;
    return this.ledger.totals(open);
  }

  /** What has become of a message that is not done, once for each recipient. */
  #addOpen(
    open: {
      unsent: number;
      heldBack: number;
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
      if (this.#heldBack.has(client)) open.heldBack += recipients;
      return;
    }
    const sequence = this.outbox.sequenceOf(slot);
    const answer = this.outbox.answerOf(slot);
    for (let recipient = 0; recipient < recipients; recipient += 1) {
      const isDelivered = this.ledger.hasSeen(client * this.#mostRecipients + recipient, sequence);
      const hasReceipt = this.outbox.hasReceipt(slot, recipient);
      if ((isDelivered || hasReceipt) && answer === Answer.Awaited) open.impliedAccepted += 1;
      // Done with, or given up, which `totals` counts.
      if (this.outbox.isSettled(slot, recipient)) continue;
      if (isDelivered && !hasReceipt) open.deliveredNotReceipted += 1;
      if (!isDelivered && answer === Answer.Accepted) open.acceptedNotDelivered += 1;
    }
  }

  /** Hot path. The message whose receipt by a recipient comes for the first time, or -1. */
  #takeReceipt(client: number, by: number, sequence: number): number {
    const flow = this.#flow(client, by);
    const slot = flow === NONE ? NONE : this.outbox.find(client, sequence);
    if (slot === NONE || !this.outbox.takeReceipt(slot, flow - client * this.#mostRecipients)) return NONE;
    // A receipt implies ACCEPTED, which may have been lost with a connection or may come later.
    const state = this.outbox.stateOf(slot);
    if (state === MessageState.Again || state === MessageState.Unhandled) this.#missAccepted(client, slot);
    this.outbox.setState(slot, MessageState.Kept);
    return slot;
  }

  /**
   * ACCEPTED will not come any more, because the connection that it was for has died; that the server has the message
   * follows from a receipt.
   */
  #missAccepted(client: number, slot: number): void {
    this.ledger.impliedAccepted += this.recipientsOf(client);
    this.outbox.setAnswer(client, slot, Answer.Missed);
  }

  /** Hot path. Lag is how late the generator was. Time for which the sender was away or hung on purpose is none. */
  #recordLag(client: number, slot: number, nowMs: number, dueMs: number): void {
    const { absences, histograms } = this.#options;
    const heldMs = absences.hadAny ? absences.totalMs(client, nowMs) - this.outbox.senderAwayMsOf(slot) : 0;
    histograms.record('lag', nowMs - dueMs - heldMs, dueMs);
  }

  /**
   * Hot path. There is no room for a message, nor for those behind it: that they are late from now on is not the doing of the
   * generator. Those that were held back before are in front of those that have fallen due since, so that each is looked at once.
   */
  #holdBack(client: number, slot: number): void {
    this.outbox.writeNextFrom(client, slot);
    const nowMs = monotonicMs();
    let at = this.outbox.last(client);
    for (; at !== NONE && this.outbox.stateOf(at) === MessageState.Due; at = this.outbox.before(at)) {
      this.#recordLag(client, at, nowMs, this.outbox.dueMsOf(at));
      this.outbox.setState(at, MessageState.Held);
    }
  }

  /** The server may have it already, and does not recognise it: it may deliver both copies. */
  #sendsAgain(client: number, sequence: number): void {
    const first = client * this.#mostRecipients;
    for (let flow = first; flow < first + this.recipientsOf(client); flow += 1)
      this.ledger.sentAgain(flow, sequence);
  }

  /** Hot path. A message is written for the first time. */
  #sendsFirst(client: number, slot: number, nowMs: number): void {
    const recipients = this.recipientsOf(client);
    if (this.#options.kind === 'groups') this.ledger.toGroups += 1;
    this.ledger.sent += recipients;
    this.outbox.setSentMs(slot, nowMs);
    const { absences } = this.#options;
    if (!absences.hadAny) return;
    // Time for which the sender was away is taken off every latency. Where the recipient was away too, only the longer
    // of both counts.
    const heldMs = absences.totalMs(client, nowMs) - this.outbox.senderAwayMsOf(slot);
    for (let recipient = 0; heldMs > 0 && recipient < recipients; recipient += 1) {
      const away = absences.totalMs(this.#recipientAt(client, recipient), nowMs);
      const alreadyMs = away - this.outbox.awayMsOf(slot, recipient);
      this.outbox.setAwayMs(slot, recipient, away - Math.max(heldMs, alreadyMs));
    }
  }

  /** Hot path. How long it took, without the time for which somebody was away on purpose. */
  #timeDelivery(sender: number, client: number, slot: number, flow: number, nowMs: number): void {
    const { histograms, absences } = this.#options;
    const dueMs = this.outbox.dueMsOf(slot);
    const recipient = flow - sender * this.#mostRecipients;
    const awayMs = absences.totalMs(client, nowMs) - this.outbox.awayMsOf(slot, recipient);
    histograms.record('delivered', nowMs - dueMs - awayMs, dueMs);
    const sentMs = this.outbox.sentMsOf(slot);
    // Nobody is away for longer since it was sent than it has been since then.
    const awaySinceSentMs = Math.min(awayMs, Math.max(0, absences.backAtMs(client) - sentMs));
    histograms.record('deliveredSinceSent', nowMs - sentMs - awaySinceSentMs, dueMs);
    if (!absences.hadAny) return;
    this.outbox.setAwayMs(slot, recipient, awayMs - absences.totalMs(sender, nowMs));
    if (awayMs <= 0) return;
    this.ledger.awayAdjusted += 1;
    // Handed out while the login goes on: it did not wait behind that.
    const backAtMs = absences.isAway(client) ? nowMs : absences.backAtMs(client);
    if (backAtMs > dueMs) histograms.record('waiting', nowMs - backAtMs, dueMs);
  }

  /** All members get the messages of a group in one order, that of their places. */
  #checkPlace(client: number, place: number | undefined): void {
    if (place === undefined) return;
    if (place <= (this.#lastPlace[client] as number)) this.ledger.outOfOrder += 1;
    else this.#lastPlace[client] = place;
  }

  /** Number of the flow between two clients of one conversation; -1 where they are none. */
  #flow(sender: number, recipient: number): number {
    const { clients, kind } = this.#options;
    if (sender < 0 || sender >= clients || recipient < 0 || recipient >= clients) return NONE;
    if (kind === 'alone') return sender === recipient ? sender : NONE;
    if (sender === recipient || this.firstOf(sender) !== this.firstOf(recipient)) return NONE;
    const place = recipient - this.firstOf(recipient);
    return sender * this.#mostRecipients + (recipient < sender ? place : place - 1);
  }

  /** Whoever writes to a client, with the number of the flow between them. */
  #forEachSenderTo(client: number, act: (sender: number, flow: number) => void): void {
    const first = this.firstOf(client);
    for (let sender = first; sender <= first + this.recipientsOf(client); sender += 1) {
      const flow = this.#flow(sender, client);
      if (flow !== NONE) act(sender, flow);
    }
  }

  /** Client that is recipient number `recipient` of another. */
  #recipientAt(sender: number, recipient: number): number {
    if (this.#options.kind === 'alone') return sender;
    const client = this.firstOf(sender) + recipient;
    return client < sender ? client : client + 1;
  }

  /** Hot path. The partner, or the first client of the group. */
  #writesTo(client: number): number {
    const { kind } = this.#options;
    if (kind === 'groups') return this.firstOf(client);
    return kind === 'pairs' ? client ^ 1 : client;
  }
}
