import { encodeFrame } from '../../protocol/encode.js';
import { FLAG_REDELIVERY, HEADER_BYTES, type ItemFrame } from '../../protocol/frame.js';
import { type Bus, NO_GROUP } from '../bus/bus.js';
import type { Limits } from '../config.js';
import type { Counters } from '../queues/counters.js';
import type { HomeStore } from '../store/home-store.js';
import { itemKey, KeyKind, numbersKey } from '../store/store-keys.js';
import type { Deduplication } from './deduplication.js';
import { beginAnew, countOnFrom, type Mailbox } from './mailbox.js';
import { itemOf, type MailboxItem, toItem, writeItem } from './mailbox-item.js';
import { MailboxTable } from './mailbox-table.js';
import { RecentItems } from './recent-items.js';
import { SequenceReserve } from './sequence-reserve.js';
import type { Acknowledgement, TurnLog } from './turn-log.js';

/** Where the flags stand in the frame of an item: behind the header and the sequence. */
const FLAGS_OFFSET = HEADER_BYTES + 4;

const LAST_SEQUENCE = 0xffff_ffff;

/**
 * Past this sequence a user whose mailbox is empty is disconnected: at the next login it counts from 1 again, before 32
 * bits run out.
 */
const WORN_OUT_FROM = 0xf000_0000;

const NOTHING: MailboxItem[] = [];

export type MailboxLimits = Pick<Limits, 'mailboxLength' | 'deliveryWindow' | 'deliveryWindowBytes'>;

/** Where a user is connected, and how far the mailbox has got there. */
export type KeptConnection = Pick<
  Mailbox,
  'user' | 'worker' | 'connection' | 'sentSequence' | 'lastSequence' | 'highestSent'
>;

/** What the mailboxes of a home share with its other parts. */
export interface MailboxParts {
  store: HomeStore;
  bus: Bus;
  counters: Counters;
  limits: MailboxLimits;
  log: TurnLog;
  deduplication: Deduplication;
  /** Another process may have this home by now, and have delivered what is still here. */
  mayBeReplaced: () => boolean;
}

/** The mailboxes of one home: what is in them goes to their users in order, within a window, until it is acknowledged. */
export class Mailboxes {
  readonly table: MailboxTable;
  readonly #parts: MailboxParts;
  readonly #recent: RecentItems;
  readonly #sequences: SequenceReserve;
  #length: number;
  #waiting: number;
  #arrived: number;

  constructor(parts: MailboxParts) {
    this.#parts = parts;
    this.#recent = new RecentItems(parts.store);
    this.#sequences = new SequenceReserve(parts.store);
    this.#length = parts.store.count(numbersKey(KeyKind.Item));
    this.table = new MailboxTable(parts.store, parts.deduplication, this.#length);
    this.#waiting = this.#length;
    this.#arrived = this.#length;
  }

  /** Items in all mailboxes. */
  get length(): number {
    return this.#length;
  }

  /**
   * Items that are not on their way to their user: the user is away, or too much was sent and not yet acknowledged.
   * What was sent is no backlog, even where its acknowledgement takes its time, as that of receipts may.
   */
  get waiting(): number {
    return this.#waiting;
  }

  /** Items that came into mailboxes since the start, and those that were there at the start. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Users that something is known of. */
  get userCount(): number {
    return this.table.size;
  }

  /** Whether a mailbox takes no more messages; receipts always have room. */
  isFull({ length, lastSequence }: Mailbox): boolean {
    return length >= this.#parts.limits.mailboxLength || lastSequence === LAST_SEQUENCE;
  }

  /** Whether it can take nothing at all, not even a receipt: its sequences are used up. */
  isWornOut({ lastSequence }: Mailbox): boolean {
    return lastSequence === LAST_SEQUENCE;
  }

  /**
   * Hot path. Puts an item behind the others of a mailbox, to be delivered once the store has promised it.
   * @param content its sequence is written into it; it may be used again for another user
   */
  append(mailbox: Mailbox, content: ItemFrame, atMs: number): void {
    content.sequence = mailbox.lastSequence + 1;
    const { store, log } = this.#parts;
    let item: MailboxItem;
    if (store.isDurable) {
      const value = writeItem(content, atMs);
      item = itemOf(content, value);
      store.stage(itemKey(mailbox.user, item.sequence), value);
    } else {
      item = toItem(content, encodeFrame(content));
    }
    mailbox.lastSequence = item.sequence;
    this.#sequences.use(item.sequence);
    this.#length += 1;
    this.#waiting += 1;
    this.#arrived += 1;
    log.append(mailbox, item);
  }

  /**
   * Hot path. The mailbox of an ACK; undefined if the ACK is of an earlier connection. On the new one everything is
   * delivered again, and acknowledged there.
   */
  current({ user, worker, connection }: Acknowledgement): Mailbox | undefined {
    const mailbox = this.table.find(user);
    return mailbox?.connection === connection && mailbox.worker === worker ? mailbox : undefined;
  }

  /**
   * Hot path. Deletes what was acknowledged, and returns it; delivers what the window has room for now.
   * @param most items that it deletes
   */
  acknowledge(
    mailbox: Mailbox,
    sequence: number,
    atMs: number,
    most = Number.POSITIVE_INFINITY,
  ): MailboxItem[] {
    const upTo = Math.min(sequence, mailbox.promisedSequence, mailbox.acknowledged + most);
    if (upTo <= mailbox.acknowledged) return NOTHING;
    const { sentSequence } = mailbox;
    const items = this.#take(mailbox, upTo);
    // All of it was damaged: without this the turn would not know that the mailbox has changed.
    if (items.length === 0) this.#parts.log.touch(mailbox);
    for (const { sequence: taken, frame } of items)
      if (taken <= sentSequence) mailbox.unacknowledgedBytes -= frame.length;
    if (upTo > sentSequence) {
      // Acknowledged on the connection before, and not sent on this one.
      this.#waiting -= upTo - sentSequence;
      mailbox.sentSequence = upTo;
    }
    this.#deliverWaiting(mailbox, atMs);
    // Sequences run out: the user is disconnected, and counted from 1 at the next login.
    if (mailbox.length === 0 && mailbox.lastSequence >= WORN_OUT_FROM && mailbox.connection !== 0)
      this.#parts.bus.send(mailbox.worker, { kind: 'replaced', connection: mailbox.connection });
    return items;
  }

  /** Whether everything up to an acknowledgement is deleted, as far as the store ever had it. */
  isAcknowledged({ user, sequence }: Acknowledgement): boolean {
    const mailbox = this.table.find(user);
    return !mailbox || mailbox.acknowledged >= Math.min(sequence, mailbox.promisedSequence);
  }

  /** @param sent as in the bus message: the connection was here before, or at an earlier owner of this home */
  attach(user: number, worker: number, connection: number, sent: number | undefined, atMs: number): void {
    const { bus } = this.#parts;
    const mailbox = this.table.open(user);
    if (sent !== undefined && mailbox.lastSequence > 0 && mailbox.lastSequence < sent) {
      // The mailbox was counted from 1 again meanwhile. On this connection those sequences were used before, so its user
      // has to log in again.
      bus.send(worker, { kind: 'replaced', connection });
      return;
    }
    const isSame = mailbox.worker === worker && mailbox.connection === connection;
    if (mailbox.connection !== 0 && !isSame)
      bus.send(mailbox.worker, { kind: 'replaced', connection: mailbox.connection });
    this.#takeBackSent(mailbox, atMs);
    if (sent !== undefined) this.#goOn(mailbox, sent);
    else if (mailbox.length === 0) beginAnew(mailbox);
    this.table.connect(mailbox, worker, connection);
    bus.send(worker, { kind: 'attached', connection, waiting: mailbox.length });
    this.#deliverWaiting(mailbox, atMs);
  }

  /** The connections of now, for the next owner of this home. */
  *connections(): Iterable<KeptConnection> {
    for (const { user, worker, connection, sentSequence, lastSequence, highestSent } of this.table.values())
      if (connection !== 0) yield { user, worker, connection, sentSequence, lastSequence, highestSent };
  }

  /** This home had other owners before: mailboxes of which they left nothing are counted behind all that they gave. */
  countBehindOthers(): void {
    this.table.beginsBehind = this.#sequences.begin();
  }

  /** The next owner goes on with these connections: nothing is delivered to them here any more. */
  disconnectAll(): void {
    for (const mailbox of this.table.values()) this.table.disconnect(mailbox);
  }

  /** What an earlier owner of this home has noted down holds from the first item on that comes here. */
  countOn({ user, lastSequence, highestSent }: KeptConnection): void {
    const mailbox = this.table.open(user);
    if (mailbox.length === 0) countOnFrom(mailbox, lastSequence);
    mailbox.highestSent = highestSent;
  }

  /** Goes on with a connection of such a note. */
  takeOver({ user, worker, connection, ...at }: KeptConnection, atMs: number): void {
    const mailbox = this.table.open(user);
    // Its user has logged in on another connection since, or the mailbox has left memory and begun anew.
    if (mailbox.connection !== 0 || mailbox.lastSequence < at.lastSequence) {
      this.#parts.bus.send(worker, { kind: 'replaced', connection });
      return;
    }
    this.table.connect(mailbox, worker, connection);
    this.#goOn(mailbox, at.sentSequence);
    this.#deliverWaiting(mailbox, atMs);
  }

  detach(user: number, worker: number, connection: number, atMs: number): void {
    const mailbox = this.table.find(user);
    if (mailbox?.connection !== connection || mailbox.worker !== worker) return;
    this.table.disconnect(mailbox);
    this.#takeBackSent(mailbox, atMs);
  }

  /** A worker died, and its connections with it. */
  detachAll(worker: number, atMs: number): void {
    for (const mailbox of this.table.values()) {
      if (mailbox.connection === 0 || mailbox.worker !== worker) continue;
      this.table.disconnect(mailbox);
      this.#takeBackSent(mailbox, atMs);
    }
  }

  /** Deletes the items up to `sequence`, without receipts: they are too old. @returns how many there were */
  expire(mailbox: Mailbox, sequence: number, atMs: number): number {
    const upTo = Math.min(sequence, mailbox.promisedSequence);
    if (upTo <= mailbox.acknowledged) return 0;
    const wereSent = Math.max(0, Math.min(upTo, mailbox.sentSequence) - mailbox.acknowledged);
    const before = mailbox.length;
    const items = this.#take(mailbox, upTo);
    this.#parts.log.touch(mailbox);
    this.#waiting -= before - mailbox.length - wereSent;
    for (const { sequence: gone, frame } of items)
      if (gone <= mailbox.sentSequence) mailbox.unacknowledgedBytes -= frame.length;
    mailbox.sentSequence = Math.max(mailbox.sentSequence, upTo);
    this.#deliverWaiting(mailbox, atMs);
    return items.length;
  }

  /** Hot path. An item is kept: delivers it at once if nothing older waits and the window is open; else it waits its turn. */
  promised(mailbox: Mailbox, item: MailboxItem, atMs: number): void {
    const { counters, limits } = this.#parts;
    if (!item.isReceipt && item.group === NO_GROUP) counters.accepted += 1;
    mailbox.promisedSequence = item.sequence;
    const isNext = mailbox.connection !== 0 && item.sequence === mailbox.sentSequence + 1;
    const isOpen = item.sequence - mailbox.acknowledged <= limits.deliveryWindow;
    if (isNext && isOpen && this.#hasRoom(mailbox, item)) {
      this.#deliver(mailbox, item);
      this.#recent.keep(mailbox, item, atMs);
      return;
    }
    this.#recent.put(mailbox, item, atMs);
    if (mailbox.connection !== 0 && !isNext) this.#deliverWaiting(mailbox, atMs);
  }

  /** A commit failed: reads these mailboxes again from the store. */
  restore(mailboxes: Iterable<Mailbox>): void {
    this.#sequences.restore();
    for (const mailbox of mailboxes) {
      this.#length -= mailbox.length;
      this.table.recover(mailbox);
      this.#length += mailbox.length;
      mailbox.unacknowledgedBytes = this.#bytesUnderWay(mailbox);
    }
    this.#waiting = this.#length;
    for (const { sentSequence, acknowledged } of this.table.values())
      this.#waiting -= sentSequence - acknowledged;
  }

  /** Takes items out of memory that have been there for a second or two; the store has them. */
  age(atMs: number): void {
    this.#recent.age(atMs);
  }

  #take(mailbox: Mailbox, upTo: number): MailboxItem[] {
    const items = this.#recent.take(mailbox, mailbox.acknowledged + 1, upTo);
    const { deduplication, log } = this.#parts;
    // Damaged items are counted when they are deleted: once, however often their user logged in meanwhile.
    log.counts.damaged += upTo - mailbox.acknowledged - items.length;
    this.#length -= upTo - mailbox.acknowledged;
    mailbox.acknowledged = upTo;
    for (const { isReceipt, group, from } of items) {
      if (isReceipt) continue;
      if (group === NO_GROUP) deduplication.forgetWaiting(mailbox, from, 'user');
      else deduplication.forgetWaiting(mailbox, group, 'group');
    }
    return items;
  }

  /** What was sent and not acknowledged waits again: its connection is gone. */
  #takeBackSent(mailbox: Mailbox, atMs: number): void {
    this.#recent.setAside(mailbox, atMs);
    this.#waiting += mailbox.sentSequence - mailbox.acknowledged;
    mailbox.sentSequence = mailbox.acknowledged;
    mailbox.unacknowledgedBytes = 0;
  }

  /** What was sent up to `sent`, and is not acknowledged, is on its way. */
  #goOn(mailbox: Mailbox, sent: number): void {
    if (mailbox.lastSequence === 0) countOnFrom(mailbox, sent);
    const { acknowledged, promisedSequence } = mailbox;
    mailbox.sentSequence = Math.min(Math.max(sent, acknowledged), promisedSequence);
    mailbox.highestSent = Math.max(mailbox.highestSent, mailbox.sentSequence);
    this.#waiting -= mailbox.sentSequence - acknowledged;
    mailbox.unacknowledgedBytes = this.#bytesUnderWay(mailbox);
  }

  #bytesUnderWay(mailbox: Mailbox): number {
    let bytes = 0;
    for (let sent = mailbox.acknowledged + 1; sent <= mailbox.sentSequence; sent += 1)
      bytes += this.#recent.read(mailbox, sent)?.frame.length ?? 0;
    return bytes;
  }

  /** A client that does not read holds this many bytes of the server, and no more; one item always goes. */
  #hasRoom({ unacknowledgedBytes }: Mailbox, { frame }: MailboxItem): boolean {
    const { deliveryWindowBytes } = this.#parts.limits;
    return unacknowledgedBytes === 0 || unacknowledgedBytes + frame.length <= deliveryWindowBytes;
  }

  #deliverWaiting(mailbox: Mailbox, atMs: number): void {
    if (mailbox.connection === 0) return;
    this.#takePassed(mailbox);
    const { deliveryWindow, deliveryWindowBytes } = this.#parts.limits;
    let end = Math.min(mailbox.promisedSequence, mailbox.acknowledged + deliveryWindow);
    while (mailbox.sentSequence < end && mailbox.unacknowledgedBytes < deliveryWindowBytes) {
      const item = this.#recent.read(mailbox, mailbox.sentSequence + 1);
      if (!item) {
        this.#pass(mailbox);
        this.#takePassed(mailbox);
        end = Math.min(mailbox.promisedSequence, mailbox.acknowledged + deliveryWindow);
        continue;
      }
      if (!this.#hasRoom(mailbox, item)) return;
      this.#deliver(mailbox, item);
      // It was read from the store, and need not stay in memory.
      this.#recent.setAside(mailbox, atMs);
    }
  }

  /**
   * Deletes damaged items at the head of a mailbox. Nobody can acknowledge what was never sent, so a delivery window full of
   * them would stay shut for ever.
   */
  #takePassed(mailbox: Mailbox): void {
    if (mailbox.unacknowledgedBytes > 0 || mailbox.sentSequence <= mailbox.acknowledged) return;
    this.#take(mailbox, mailbox.sentSequence);
    this.#parts.log.touch(mailbox);
  }

  /** Skips an item that is missing or damaged, so that those behind it are delivered. */
  #pass(mailbox: Mailbox): void {
    mailbox.sentSequence += 1;
    this.#waiting -= 1;
  }

  #deliver(mailbox: Mailbox, item: MailboxItem): void {
    const { bus, counters, mayBeReplaced } = this.#parts;
    if (item.sequence <= mailbox.highestSent || mayBeReplaced()) {
      item.frame[FLAGS_OFFSET] = (item.frame[FLAGS_OFFSET] as number) | FLAG_REDELIVERY;
      if (!item.isReceipt) counters.redelivered += 1;
    } else if (!item.isReceipt) counters.delivered += 1;
    mailbox.highestSent = Math.max(mailbox.highestSent, item.sequence);
    mailbox.sentSequence = item.sequence;
    mailbox.unacknowledgedBytes += item.frame.length;
    this.#waiting -= 1;
    bus.send(mailbox.worker, {
      kind: 'deliver',
      connection: mailbox.connection,
      sequence: item.sequence,
      frame: item.frame,
    });
  }
}
