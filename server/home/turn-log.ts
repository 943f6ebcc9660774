import type { BusMessage, HomeMessage, HomeRequest } from '../bus/bus.js';
import type { Counters } from '../queues/counters.js';
import type { Mailbox } from './mailbox.js';
import type { MailboxItem } from './mailbox-item.js';

/** What follows from a turn beside answers and items. */
export interface Consequence {
  promised(): void;
  dropped(): void;
}

export type Acknowledgement = Extract<HomeMessage, { kind: 'acknowledge' }>;

/** What is counted once it is kept: a turn that fails is done again. */
export type TurnCounts = Pick<
  Counters,
  'accepted' | 'repeated' | 'acknowledged' | 'receipts' | 'copies' | 'undelivered' | 'expired' | 'damaged'
>;

/** What happened in one turn of the event loop, to be said once it is promised, and to be taken back where it is not. */
export interface Turn {
  /** To whom, and what, one behind the other: a worker and a message, or a mailbox and its item. */
  readonly answers: (number | BusMessage | Mailbox | MailboxItem | Consequence)[];
  /** What clients have told of: it holds, whatever becomes of this turn. */
  readonly acknowledgements: Acknowledgement[];
  /** Mailboxes that have changed without an item. */
  readonly touched: Mailbox[];
  /** Requests that are accepted because they were before: that may hold, whatever becomes of this turn. */
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

  /** Hot path. Says it behind what was said before in this turn. */
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
