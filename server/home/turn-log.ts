import type { BusMessage, HomeMessage, HomeRequest } from '../bus/bus.js';
import type { Counters } from '../queues/counters.js';
import type { Mailbox } from './mailbox.js';
import type { MailboxItem } from './mailbox-item.js';

/** Something else that follows from a turn being kept, such as copies that go to other homes. */
export interface Consequence {
  promised(): void;
  dropped(): void;
}

export type Acknowledgement = Extract<HomeMessage, { kind: 'acknowledge' }>;

/** Counts that are added once the turn is kept: a turn that fails is done again, and must not count twice. */
export type TurnCounts = Pick<
  Counters,
  'accepted' | 'repeated' | 'acknowledged' | 'receipts' | 'copies' | 'undelivered' | 'expired' | 'damaged'
>;

/** All that one turn of the event loop did: sent on when the store has promised to keep it, taken back when it has not. */
export interface Turn {
  /** Pairs, flat to spare an object each: a worker and a message for it, or a mailbox and its new item, or -1 and a consequence. */
  readonly answers: (number | BusMessage | Mailbox | MailboxItem | Consequence)[];
  /** Acknowledgements of clients: if the turn fails they are owed, because a client will not say them again. */
  readonly acknowledgements: Acknowledgement[];
  /** Mailboxes that changed without getting an item. */
  readonly touched: Mailbox[];
  /** Requests that were accepted as repetitions: if the turn fails, the first time may have been in a turn that was kept. */
  readonly repeats: { request: HomeRequest; answer: BusMessage }[];
  /** Homes that have answered what this one had sent, which is kept here until then. */
  readonly heard: Set<number>;
  readonly counts: TurnCounts;
  /** How many changes were staged. */
  changes: number;
}

/** Takes down the turn of now. */
export class TurnLog {
  #turn = newTurn();

  get isEmpty(): boolean {
    const { answers, acknowledgements, touched } = this.#turn;
    return answers.length === 0 && acknowledgements.length === 0 && touched.length === 0;
  }

  /** Hot path. */
  get counts(): TurnCounts {
    return this.#turn.counts;
  }

  /** Hot path. Answers are sent in the order of these calls. */
  answer(worker: number, message: BusMessage): void {
    this.#turn.answers.push(worker, message);
  }

  /** Hot path. An item has come into a mailbox. */
  append(mailbox: Mailbox, item: MailboxItem): void {
    this.#turn.answers.push(mailbox, item);
  }

  /** Hot path. */
  acknowledge(message: Acknowledgement): void {
    this.#turn.acknowledgements.push(message);
  }

  follow(consequence: Consequence): void {
    this.#turn.answers.push(-1, consequence);
  }

  /** The answer to a request that came before. */
  repeat(request: HomeRequest): void {
    const { worker, connection, id } = request;
    const answer: BusMessage = { kind: 'accepted', connection, id };
    this.#turn.repeats.push({ request, answer });
    this.answer(worker, answer);
  }

  /** Hot path. That home has what was kept for it here. */
  hear(home: number): void {
    this.#turn.heard.add(home);
  }

  touch(mailbox: Mailbox): void {
    this.#turn.touched.push(mailbox);
  }

  /** The next one begins. */
  take(changes: number): Turn {
    const turn = this.#turn;
    turn.changes = changes;
    this.#turn = newTurn();
    return turn;
  }
}

function newTurn(): Turn {
  const counts = {
    accepted: 0,
    repeated: 0,
    acknowledged: 0,
    receipts: 0,
    copies: 0,
    undelivered: 0,
    expired: 0,
    damaged: 0,
  };
  return {
    answers: [],
    acknowledgements: [],
    touched: [],
    repeats: [],
    heard: new Set(),
    counts,
    changes: 0,
  };
}

/** Hot path: once a turn. */
export function addCounts(counters: Counters, counts: TurnCounts): void {
  counters.accepted += counts.accepted;
  counters.repeated += counts.repeated;
  counters.acknowledged += counts.acknowledged;
  counters.receipts += counts.receipts;
  counters.copies += counts.copies;
  counters.undelivered += counts.undelivered;
  counters.expired += counts.expired;
  counters.damaged += counts.damaged;
}
