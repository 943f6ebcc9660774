import { encodeFrame } from '../../protocol/encode.js';
import { FLAG_REDELIVERY, HEADER_BYTES, type ItemFrame } from '../../protocol/frame.js';
import type { Bus } from '../bus/bus.js';
import type { Limits } from '../config.js';
import type { Counters } from '../queues/counters.js';
import type { Store } from '../store/store.js';
import { itemOf, type MailboxItem } from './mailbox-item.js';

/** Where the flags stand in the frame of an item: behind the header and the sequence. */
const FLAGS_OFFSET = HEADER_BYTES + 4;

const NOTHING: MailboxItem[] = [];

export type MailboxLimits = Pick<Limits, 'mailboxLength' | 'deliveryWindow' | 'deliveryWindowBytes'>;

/** Puts off what may only be said once the changes of this turn are promised. */
export type AfterCommit = (say: () => void) => void;

/** What a home knows of a user, connected or not. */
class UserState {
  /** Worker and connection where the user is now; connection 0: away. */
  worker = 0;
  connection = 0;
  /** Last sequence given to an item. */
  lastSequence = 0;
  /** Last sequence that the store has promised to keep; nothing beyond it is delivered. */
  promisedSequence = 0;
  /** Last sequence sent on the connection of now. */
  sentSequence = 0;
  /** Last sequence sent on any connection; sending one at or below it again is a redelivery. */
  highestSent = 0;
  acknowledged = 0;
  /** Bytes sent on the connection of now and not acknowledged. */
  unacknowledgedBytes = 0;
}

/** The mailboxes of one home: what is in them goes to their users in order, within a window, until it is acknowledged. */
export class Mailboxes {
  readonly #users = new Map<number, UserState>();
  readonly #store: Store;
  readonly #bus: Bus;
  readonly #counters: Counters;
  readonly #limits: MailboxLimits;
  readonly #afterCommit: AfterCommit;
  #waiting: number;
  #arrived: number;

  constructor(store: Store, bus: Bus, counters: Counters, limits: MailboxLimits, afterCommit: AfterCommit) {
    this.#store = store;
    this.#bus = bus;
    this.#counters = counters;
    this.#limits = limits;
    this.#afterCommit = afterCommit;
    this.#waiting = store.length;
    this.#arrived = store.length;
  }

  /**
   * Items that are not on their way to their user: the user is away, or too much was sent and not yet acknowledged.
   * What was sent is no backlog, even where its acknowledgement takes its time, as that of receipts may.
   */
  get waiting(): number {
    return this.#waiting;
  }

  /** Items that came into mailboxes since the start, with those that were there then. */
  get arrived(): number {
    return this.#arrived;
  }

  get userCount(): number {
    return this.#users.size;
  }

  /** Whether the mailbox of `user` takes no more messages; receipts always have room. */
  isFull(user: number): boolean {
    const { lastSequence, acknowledged } = this.#stateOf(user);
    return lastSequence - acknowledged >= this.#limits.mailboxLength;
  }

  /**
   * Hot path. Puts an item behind the others of `user`, to be delivered once the store has promised it.
   * @param content its sequence is written into it; it may be used again for another user
   */
  append(user: number, content: ItemFrame): void {
    const state = this.#stateOf(user);
    content.sequence = state.lastSequence + 1;
    const item = itemOf(content, Date.now(), encodeFrame(content));
    state.lastSequence = item.sequence;
    this.#store.append(user, item);
    this.#waiting += 1;
    this.#arrived += 1;
    this.#afterCommit(() => this.#promised(user, state, item));
  }

  /** Hot path. Deletes what a connection has acknowledged, and returns it; delivers what the window has room for now. */
  acknowledge(user: number, worker: number, connection: number, sequence: number): MailboxItem[] {
    const state = this.#users.get(user);
    // An ACK from a connection that was replaced meanwhile: the new one will be told again.
    if (!state || state.connection !== connection || state.worker !== worker) return NOTHING;
    const upTo = Math.min(sequence, state.sentSequence);
    if (upTo <= state.acknowledged) return NOTHING;
    const items = this.#store.remove(user, state.acknowledged + 1, upTo);
    state.acknowledged = upTo;
    for (const { frame } of items) state.unacknowledgedBytes -= frame.length;
    this.#deliverWaiting(user, state);
    return items;
  }

  attach(user: number, worker: number, connection: number): void {
    const state = this.#stateOf(user);
    if (state.connection !== 0) {
      this.#bus.send(state.worker, { kind: 'replaced', connection: state.connection });
    }
    state.worker = worker;
    state.connection = connection;
    this.#takeBackSent(state);
    this.#bus.send(worker, {
      kind: 'attached',
      connection,
      waiting: state.lastSequence - state.acknowledged,
    });
    this.#deliverWaiting(user, state);
  }

  detach(user: number, worker: number, connection: number): void {
    const state = this.#users.get(user);
    if (state?.connection !== connection || state.worker !== worker) return;
    state.connection = 0;
    this.#takeBackSent(state);
  }

  /** A worker died, and its connections with it. */
  detachAll(worker: number): void {
    for (const state of this.#users.values()) {
      if (state.connection === 0 || state.worker !== worker) continue;
      state.connection = 0;
      this.#takeBackSent(state);
    }
  }

  /**
   * Deletes what was stored before `beforeMs` for users who are away, without a receipt; a few mailboxes a call.
   * Those who are connected fetch what they have.
   */
  expire(beforeMs: number): void {
    for (const { user, sequence } of this.#store.expired(beforeMs)) {
      const state = this.#stateOf(user);
      if (state.connection !== 0 || sequence <= state.acknowledged) continue;
      const dropped = this.#store.remove(user, state.acknowledged + 1, sequence).length;
      state.acknowledged = sequence;
      state.sentSequence = sequence;
      this.#waiting -= dropped;
      this.#counters.expired += dropped;
    }
  }

  /** What was sent and not acknowledged waits again: its connection is gone. */
  #takeBackSent(state: UserState): void {
    this.#waiting += state.sentSequence - state.acknowledged;
    state.sentSequence = state.acknowledged;
    state.unacknowledgedBytes = 0;
  }

  /** Delivers `item` at once if nothing older waits and the window is open; else it waits its turn. */
  #promised(user: number, state: UserState, item: MailboxItem): void {
    state.promisedSequence = item.sequence;
    if (state.connection === 0) return;
    const isNext = item.sequence === state.sentSequence + 1;
    if (!isNext || item.sequence - state.acknowledged > this.#limits.deliveryWindow)
      this.#deliverWaiting(user, state);
    else if (this.#hasRoom(state, item)) this.#deliver(state, item);
  }

  /** A client that does not read holds this many bytes of the server, and no more; one item always goes. */
  #hasRoom({ unacknowledgedBytes }: UserState, { frame }: MailboxItem): boolean {
    return (
      unacknowledgedBytes === 0 || unacknowledgedBytes + frame.length <= this.#limits.deliveryWindowBytes
    );
  }

  #deliverWaiting(user: number, state: UserState): void {
    const windowEnd = state.acknowledged + this.#limits.deliveryWindow;
    const waiting = Math.min(state.promisedSequence, windowEnd) - state.sentSequence;
    if (state.connection === 0 || waiting <= 0) return;
    if (state.unacknowledgedBytes >= this.#limits.deliveryWindowBytes) return;
    for (const item of this.#store.read(user, state.sentSequence, waiting)) {
      if (!this.#hasRoom(state, item)) return;
      this.#deliver(state, item);
    }
  }

  #deliver(state: UserState, item: MailboxItem): void {
    if (item.sequence <= state.highestSent) {
      item.frame[FLAGS_OFFSET] = (item.frame[FLAGS_OFFSET] as number) | FLAG_REDELIVERY;
      if (!item.isReceipt) this.#counters.redelivered += 1;
    } else {
      state.highestSent = item.sequence;
      if (!item.isReceipt) this.#counters.delivered += 1;
    }
    state.sentSequence = item.sequence;
    state.unacknowledgedBytes += item.frame.length;
    this.#waiting -= 1;
    this.#bus.send(state.worker, {
      kind: 'deliver',
      connection: state.connection,
      sequence: item.sequence,
      frame: item.frame,
    });
  }

  #stateOf(user: number): UserState {
    let state = this.#users.get(user);
    if (!state) {
      state = new UserState();
      const kept = this.#store.recover(user);
      if (kept) {
        state.lastSequence = kept.last;
        state.promisedSequence = kept.last;
        state.acknowledged = kept.first - 1;
        state.sentSequence = kept.first - 1;
        // An earlier process may have sent any of it.
        state.highestSent = kept.last;
      }
      this.#users.set(user, state);
    }
    return state;
  }
}
