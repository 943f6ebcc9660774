import { FrameType, type GroupDeliverFrame, ReasonCode } from '../../protocol/frame.js';
import {
  type Bus,
  type Copies,
  type HomeMessage,
  type HomeRequest,
  homeWorker,
  type Receipt,
} from '../bus/bus.js';
import type { Limits } from '../config.js';
import { type Counters, countRefusal } from '../queues/counters.js';
import type { HomeStore } from '../store/home-store.js';
import type { Deduplication } from './deduplication.js';
import type { DeduplicationWindow } from './deduplication-window.js';
import type { FairShare } from './fair-share.js';
import type { FanOut } from './fan-out.js';
import type { Groups } from './groups.js';
import type { MailboxItem } from './mailbox-item.js';
import type { Mailboxes } from './mailboxes.js';
import { type OutgoingReceipts, receiptFrame } from './outgoing-receipts.js';
import { TakenReceipts } from './taken-receipts.js';
import type { TurnLog } from './turn-log.js';

export type Message<Kind extends HomeMessage['kind']> = Extract<HomeMessage, { kind: Kind }>;

/** A member of a group is eight bytes in the store. */
const MEMBER_BYTES = 8;
/** More than a copy for a member takes in the store beside the payload: its frame, and what is remembered of the group. */
const COPY_BYTES = 1024;

/** The parts of a home that a message goes through. */
export interface MessageParts {
  store: HomeStore;
  bus: Bus;
  counters: Counters;
  limits: Pick<Limits, 'sendsUnderWay'>;
  log: TurnLog;
  mailboxes: Mailboxes;
  deduplication: Deduplication;
  groups: Groups;
  fairShare: FairShare;
  fanOut: FanOut;
  receipts: OutgoingReceipts;
}

/** What becomes of messages and their receipts: whether they are taken, whose mailboxes they come into, who is told. */
export class Messages {
  readonly #parts: MessageParts;
  readonly #takenReceipts = new TakenReceipts();

  constructor(parts: MessageParts) {
    this.#parts = parts;
  }

  /** Hot path. */
  submit(message: Message<'submit'>, nowMs: number): void {
    const { from, to, id, payload } = message;
    const mailbox = this.#parts.mailboxes.table.open(to);
    const window = this.#parts.deduplication.windowOf(mailbox, from, 'user');
    if (this.#wasAnswered(message, window, payload.length)) return;
    if (this.#parts.mailboxes.isFull(mailbox) || this.#parts.fairShare.isMailboxShareTaken(window, mailbox)) {
      this.refuse(message, ReasonCode.MailboxFull);
      return;
    }
    if (window.isEmpty && !this.#parts.fairShare.admitsNewRecipient(from)) {
      this.refuse(message, ReasonCode.RateLimited);
      return;
    }
    this.#parts.deduplication.remember(mailbox, from, 'user', window, id);
    window.waiting += 1;
    this.#parts.fairShare.take(from, payload.length);
    this.#sayAccepted(message);
    this.#parts.mailboxes.append(
      mailbox,
      { type: FrameType.Deliver, sequence: 0, flags: 0, from, id, payload },
      nowMs,
    );
  }

  setGroup(message: Message<'group'>, nowMs: number): void {
    const { group, user, members } = message;
    const bytes = MEMBER_BYTES * members.length;
    const refusal =
      this.#parts.store.isFull || this.#parts.fairShare.isStoreShareTaken(user, bytes)
        ? ReasonCode.StoreFull
        : this.#parts.groups.set(group, user, members, nowMs);
    if (refusal !== undefined) {
      this.refuse(message, refusal);
      return;
    }
    this.#parts.fairShare.take(user, bytes);
    this.#sayAccepted(message);
  }

  submitToGroup(message: Message<'submit-to-group'>, nowMs: number): void {
    const { from, id, payload } = message;
    const group = this.#parts.groups.find(message.group);
    if (!group?.members.includes(from)) {
      // A member may have left after sending it: a repetition is still answered.
      if (this.isRepeated(message)) this.repeat(message);
      else this.refuse(message, ReasonCode.NotMember);
      return;
    }
    const bytes = payload.length * group.members.length;
    if (this.#wasAnswered(message, this.#parts.groups.windowOf(group, from), bytes)) return;
    if (!this.#fitsTurns(group.members, payload.length)) {
      this.refuse(message, ReasonCode.GroupTooLarge);
      return;
    }
    // ACCEPTED does not wait for the homes of other members. So copies that they have not taken are bounded here.
    if (this.#parts.fanOut.underWay.length >= this.#parts.limits.sendsUnderWay) {
      this.refuse(message, ReasonCode.Shedding);
      return;
    }
    this.#parts.fairShare.take(from, payload.length, group.members.length);
    const number = this.#parts.groups.take(group, from, id, nowMs);
    this.#parts.log.counts.accepted += 1;
    this.#sayAccepted(message);
    const frame = deliverFrame({ group: group.id, number, from, id, payload });
    const elsewhere: number[] = [];
    for (const member of group.members) {
      if (member === from) continue;
      if (homeWorker(member, this.#parts.bus.homes) === this.#parts.bus.self)
        this.#takeCopy(member, frame, nowMs);
      else elsewhere.push(member);
    }
    if (elsewhere.length > 0) this.#parts.fanOut.send({ ...frame, members: elsewhere });
  }

  /** Whether each home can keep the copies for its members in one turn: what it cannot would be sent to it for ever. */
  #fitsTurns(members: Float64Array, payloadBytes: number): boolean {
    const { mostTurnBytes } = this.#parts.store;
    const bytes = payloadBytes + COPY_BYTES;
    if (mostTurnBytes === undefined || bytes * members.length <= mostTurnBytes) return true;
    const byHome = new Map<number, number>();
    for (const member of members) {
      const home = homeWorker(member, this.#parts.bus.homes);
      const copies = (byHome.get(home) ?? 0) + 1;
      if (bytes * copies > mostTurnBytes) return false;
      byHome.set(home, copies);
    }
    return true;
  }

  takeCopies(copies: Message<'copies'>, nowMs: number): void {
    const { group, number, members } = copies;
    const frame = deliverFrame(copies);
    for (const member of members) this.#takeCopy(member, frame, nowMs);
    const origin = homeWorker(group, this.#parts.bus.homes);
    this.#parts.log.answer(origin, { kind: 'copies-kept', group, number, home: this.#parts.bus.self });
  }

  /** Hot path. A copy that is here already is dropped: the home of the group sends it again until it is answered. */
  #takeCopy(member: number, frame: GroupDeliverFrame, nowMs: number): void {
    const { group, number, from, id } = frame;
    const mailbox = this.#parts.mailboxes.table.open(member);
    const window = this.#parts.deduplication.windowOf(mailbox, group, 'group');
    // A store that is not durable sends nothing again, and groups in it may count from 1 a second time.
    if (this.#parts.store.isDurable) {
      const look = window.look(number);
      if (look === 'repeated' || look === 'too-old') return;
    }
    this.#parts.log.counts.copies += 1;
    const hasRoom =
      !this.#parts.mailboxes.isFull(mailbox) &&
      !this.#parts.fairShare.isMailboxShareTaken(window, mailbox) &&
      !this.#parts.store.isFull;
    if (this.#parts.store.isDurable)
      this.#parts.deduplication.remember(mailbox, group, 'group', window, number);
    if (hasRoom) {
      window.waiting += 1;
      this.#parts.mailboxes.append(mailbox, frame, nowMs);
      return;
    }
    this.#parts.log.counts.undelivered += 1;
    // The mailbox got no item, but its window has changed.
    this.#parts.log.touch(mailbox);
    this.#sendReceipt({ to: from, by: member, id, group, isUndelivered: true }, nowMs);
  }

  takeReceipt(receipt: Receipt, nowMs: number): void {
    const { to, by, id, group, isUndelivered } = receipt;
    const origin = homeWorker(by, this.#parts.bus.homes);
    const mailbox = this.#parts.mailboxes.table.open(to);
    // No sequence is left. The home that sent it keeps it, and sends it again later.
    if (this.#parts.mailboxes.isWornOut(mailbox)) return;
    if (this.#parts.store.isDurable && origin !== this.#parts.bus.self) {
      this.#parts.log.answer(origin, { kind: 'receipt-kept', to, by, id, group, isUndelivered });
      if (!this.#takenReceipts.take(receipt, this.#parts.log)) return;
    }
    this.#parts.log.counts.receipts += 1;
    this.#parts.mailboxes.append(mailbox, receiptFrame(receipt), nowMs);
  }

  /** Hot path. */
  acknowledge(message: Message<'acknowledge'>, nowMs: number): void {
    const { mailboxes } = this.#parts;
    const mailbox = mailboxes.current(message);
    if (mailbox) this.#taken(message, mailboxes.acknowledge(mailbox, message.sequence, nowMs), nowMs);
  }

  /**
   * Does an acknowledgement that came while the store failed. It holds, also if its user has another connection now.
   * @returns how many of `most` items it was, and whether that was all of it
   */
  acknowledgeOwed(
    message: Message<'acknowledge'>,
    most: number,
    nowMs: number,
  ): { done: number; isAll: boolean } {
    const { mailboxes } = this.#parts;
    const mailbox = mailboxes.table.find(message.user);
    const items = mailbox ? mailboxes.acknowledge(mailbox, message.sequence, nowMs, most) : [];
    this.#taken(message, items, nowMs);
    return { done: items.length, isAll: mailboxes.isAcknowledged(message) };
  }

  #taken(message: Message<'acknowledge'>, items: MailboxItem[], nowMs: number): void {
    if (items.length === 0) return;
    this.#parts.log.acknowledge(message);
    for (const { isReceipt, from, id, group } of items) {
      if (isReceipt) continue;
      this.#parts.log.counts.acknowledged += 1;
      this.#sendReceipt({ to: from, by: message.user, id, group, isUndelivered: false }, nowMs);
    }
  }

  /**
   * The receipt is in the same commit as the deletion of its message: in the mailbox here, or as a note to another home
   * that survives a crash.
   */
  #sendReceipt(receipt: Receipt, nowMs: number): void {
    const home = homeWorker(receipt.to, this.#parts.bus.homes);
    if (home === this.#parts.bus.self) this.takeReceipt(receipt, nowMs);
    else this.#parts.receipts.send(home, receipt);
  }

  /** Whether the store knows that this request was accepted before. */
  isRepeated(request: HomeRequest): boolean {
    const { mailboxes, deduplication, groups } = this.#parts;
    switch (request.kind) {
      case 'submit': {
        const window = deduplication.windowOf(mailboxes.table.open(request.to), request.from, 'user');
        return window.look(request.id) === 'repeated';
      }
      case 'submit-to-group': {
        const group = groups.find(request.group);
        return group !== undefined && groups.windowOf(group, request.from).look(request.id) === 'repeated';
      }
      case 'group':
        return false;
    }
  }

  /** Answers a message that came before, or for which there is no room in the store. */
  #wasAnswered(
    request: Message<'submit' | 'submit-to-group'>,
    window: DeduplicationWindow,
    bytes: number,
  ): boolean {
    switch (window.look(request.id)) {
      case 'repeated':
        this.repeat(request);
        return true;
      case 'skipped':
        // Accepted now, it would be delivered after messages that were sent later.
        this.refuse(request, ReasonCode.IdSkipped);
        return true;
      case 'too-old':
        this.refuse(request, ReasonCode.DuplicateUnknown);
        return true;
      case 'new':
        if (!this.#parts.store.isFull && !this.#parts.fairShare.isStoreShareTaken(request.from, bytes))
          return false;
        this.refuse(request, ReasonCode.StoreFull);
        return true;
    }
  }

  /** Accepts what was accepted before. */
  repeat(request: HomeRequest): void {
    this.#parts.log.counts.repeated += 1;
    this.#parts.log.repeat(request);
  }

  #sayAccepted({ worker, connection, id }: HomeRequest): void {
    this.#parts.log.answer(worker, { kind: 'accepted', connection, id });
  }

  refuse({ worker, connection, id }: HomeRequest, code: ReasonCode): void {
    countRefusal(this.#parts.counters, code);
    // In the order of the requests, so behind the answers that wait for the commit.
    this.#parts.log.answer(worker, { kind: 'refused', connection, id, code });
  }
}

function deliverFrame({ group, number, from, id, payload }: Omit<Copies, 'members'>): GroupDeliverFrame {
  return { type: FrameType.GroupDeliver, sequence: 0, flags: 0, group, number, from, id, payload };
}
