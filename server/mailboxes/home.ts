import { encodeFrame } from '../../protocol/encode.js';
import { FLAG_REDELIVERY, FrameType, HEADER_BYTES, ReasonCode } from '../../protocol/frame.js';
import type { Bus, BusMessage } from '../bus.js';
import { homeWorker } from '../bus.js';
import type { Limits } from '../config.js';
import { type Counters, countRefusal } from '../counters.js';
import type { MailboxItem, OutgoingReceipt, Store } from './store.js';

/** Where the flags stand in a DELIVER or RECEIPT frame: behind the header and the sequence. */
const FLAGS_OFFSET = HEADER_BYTES + 4;

type HomeMessage = Extract<
  BusMessage,
  { kind: 'attach' | 'detach' | 'submit' | 'acknowledge' | 'receipt' | 'receipt-kept' }
>;

/** What a home worker knows of a user, connected or not. */
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

/**
 * The mailboxes of the users whose home is this worker, and where each of them is connected.
 * It takes bus messages and answers with bus messages; it never sees a socket.
 */
export class Home {
  readonly #users = new Map<number, UserState>();
  readonly #store: Store;
  readonly #bus: Bus;
  readonly #counters: Counters;
  readonly #mailboxLength: number;
  readonly #window: number;
  readonly #windowBytes: number;
  #waiting = 0;
  #arrived = 0;
  /** Messages staged in this turn: accepted and delivered once the store has promised them. */
  #uncommitted: (() => void)[] = [];

  constructor(
    store: Store,
    bus: Bus,
    counters: Counters,
    limits: Pick<Limits, 'mailboxLength' | 'deliveryWindow' | 'deliveryWindowBytes'>,
  ) {
    this.#store = store;
    this.#bus = bus;
    this.#counters = counters;
    this.#mailboxLength = limits.mailboxLength;
    this.#window = limits.deliveryWindow;
    this.#windowBytes = limits.deliveryWindowBytes;
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

  /** Hot path: one call a SEND, an ACK and a receipt. */
  receive(message: HomeMessage): void {
    switch (message.kind) {
      case 'submit':
        this.#submit(message);
        break;
      case 'acknowledge':
        this.#acknowledge(message.user, message.connection, message.worker, message.sequence);
        break;
      case 'receipt':
        this.#takeReceipt(message);
        break;
      case 'receipt-kept':
        this.#store.forgetReceipt(message);
        break;
      case 'attach':
        this.#attach(message.user, message.worker, message.connection);
        break;
      case 'detach':
        this.#detach(message.user, message.worker, message.connection);
        break;
    }
  }

  /** Commits what was staged since the last call and then answers for it; once an event-loop turn. */
  commit(): void {
    const promised = this.#store.commit();
    const answers = this.#uncommitted;
    if (answers.length === 0) return;
    this.#uncommitted = [];
    const answerAll = () => {
      for (const answer of answers) answer();
    };
    if (promised) promised.then(answerAll);
    else answerAll();
  }

  #attach(user: number, worker: number, connection: number): void {
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

  #detach(user: number, worker: number, connection: number): void {
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

  /** What was sent and not acknowledged waits again: its connection is gone. */
  #takeBackSent(state: UserState): void {
    this.#waiting += state.sentSequence - state.acknowledged;
    state.sentSequence = state.acknowledged;
    state.unacknowledgedBytes = 0;
  }

  #submit(message: Extract<BusMessage, { kind: 'submit' }>): void {
    const { from, worker, connection, to, id } = message;
    const state = this.#stateOf(to);
    const repeats = this.#store.repeats(to, from);
    switch (repeats.look(id)) {
      case 'repeated':
        this.#counters.repeated += 1;
        this.#afterCommit(() => this.#bus.send(worker, { kind: 'accepted', connection, id }));
        return;
      case 'too-old':
        this.#refuse(worker, connection, id, ReasonCode.DuplicateUnknown);
        return;
    }
    if (state.lastSequence - state.acknowledged >= this.#mailboxLength) {
      this.#refuse(worker, connection, id, ReasonCode.MailboxFull);
      return;
    }
    if (this.#store.isFull) {
      this.#refuse(worker, connection, id, ReasonCode.StoreFull);
      return;
    }
    repeats.remember(id);
    const sequence = state.lastSequence + 1;
    const frame = encodeFrame({
      type: FrameType.Deliver,
      sequence,
      flags: 0,
      from,
      id,
      payload: message.payload,
    });
    const item: MailboxItem = { sequence, from, id, isReceipt: false, atMs: Date.now(), frame };
    state.lastSequence = sequence;
    this.#store.append(to, item);
    this.#waiting += 1;
    this.#arrived += 1;
    this.#counters.accepted += 1;
    this.#afterCommit(() => {
      this.#bus.send(worker, { kind: 'accepted', connection, id });
      this.#promised(to, state, item);
    });
  }

  /** Sends again what the home of its user may not have taken over: that one was started again, or this one was. */
  resendReceipts(home: number): void {
    const { self } = this.#bus;
    for (const receipt of this.#store.outgoingReceipts()) {
      if (homeWorker(receipt.to, this.#bus.homes) !== home) continue;
      if (home === self) this.#store.forgetReceipt(receipt);
      this.#bus.send(home, { kind: 'receipt', ...receipt });
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

  #takeReceipt(receipt: OutgoingReceipt): void {
    const { to, by, id } = receipt;
    const origin = homeWorker(by, this.#bus.homes);
    const state = this.#stateOf(to);
    const sequence = state.lastSequence + 1;
    const frame = encodeFrame({ type: FrameType.Receipt, sequence, flags: 0, by, id });
    const item: MailboxItem = { sequence, from: by, id, isReceipt: true, atMs: Date.now(), frame };
    state.lastSequence = sequence;
    this.#store.append(to, item);
    this.#waiting += 1;
    this.#arrived += 1;
    this.#counters.receipts += 1;
    this.#afterCommit(() => {
      if (this.#store.isDurable && origin !== this.#bus.self)
        this.#bus.send(origin, { kind: 'receipt-kept', to, by, id });
      this.#promised(to, state, item);
    });
  }

  #acknowledge(user: number, connection: number, worker: number, sequence: number): void {
    const state = this.#users.get(user);
    // An ACK from a connection that was replaced meanwhile: the new one will be told again.
    if (!state || state.connection !== connection || state.worker !== worker) return;
    const upTo = Math.min(sequence, state.sentSequence);
    if (upTo <= state.acknowledged) return;
    const items = this.#store.remove(user, state.acknowledged + 1, upTo);
    state.acknowledged = upTo;
    for (const { isReceipt, from, id, frame } of items) {
      state.unacknowledgedBytes -= frame.length;
      if (isReceipt) continue;
      this.#counters.acknowledged += 1;
      this.#sendReceipt({ to: from, by: user, id });
    }
    this.#deliverWaiting(user, state);
  }

  /** In one transaction with the end of the message: here at once, elsewhere by way of a note that outlives a crash. */
  #sendReceipt(receipt: OutgoingReceipt): void {
    const home = homeWorker(receipt.to, this.#bus.homes);
    if (home === this.#bus.self) {
      this.#takeReceipt(receipt);
      return;
    }
    this.#store.keepReceipt(receipt);
    this.#afterCommit(() => this.#bus.send(home, { kind: 'receipt', ...receipt }));
  }

  /** Delivers `item` at once if nothing older waits and the window is open; else it waits its turn. */
  #promised(user: number, state: UserState, item: MailboxItem): void {
    state.promisedSequence = item.sequence;
    if (state.connection === 0) return;
    const isNext = item.sequence === state.sentSequence + 1;
    if (!isNext || item.sequence - state.acknowledged > this.#window) this.#deliverWaiting(user, state);
    else if (this.#hasRoom(state, item)) this.#deliver(state, item);
  }

  /** A client that does not read holds this many bytes of the server, and no more; one item always goes. */
  #hasRoom(state: UserState, { frame }: MailboxItem): boolean {
    return state.unacknowledgedBytes === 0 || state.unacknowledgedBytes + frame.length <= this.#windowBytes;
  }

  #deliverWaiting(user: number, state: UserState): void {
    const windowEnd = state.acknowledged + this.#window;
    const waiting = Math.min(state.promisedSequence, windowEnd) - state.sentSequence;
    if (state.connection === 0 || waiting <= 0) return;
    if (state.unacknowledgedBytes >= this.#windowBytes) return;
    for (const item of this.#store.read(user, state.sentSequence, waiting)) {
      if (!this.#hasRoom(state, item)) return;
      this.#deliver(state, item);
    }
  }

  #deliver(state: UserState, item: MailboxItem): void {
    if (item.sequence <= state.highestSent) {
      item.frame[FLAGS_OFFSET] = FLAG_REDELIVERY;
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

  #refuse(worker: number, connection: number, id: number, code: ReasonCode): void {
    countRefusal(this.#counters, code);
    // In the order of the SENDs, so behind the answers that wait for the commit.
    this.#afterCommit(() => this.#bus.send(worker, { kind: 'refused', connection, id, code }));
  }

  #afterCommit(answer: () => void): void {
    this.#uncommitted.push(answer);
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
