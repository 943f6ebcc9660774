import { SequenceCounts } from './sequence-counts.js';
import { SequenceSets } from './sequence-sets.js';

/** What the ledger made of a delivery. `late`: after a later message of its flow; `foreign`: nobody sent it. */
export type Delivery = 'first' | 'late' | 'redelivered' | 'duplicated' | 'foreign';

/** What the ledger counts as it happens. */
export const LEDGER_COUNTS = [
  'sent',
  'accepted',
  'delivered',
  'receipted',
  'duplicated',
  'outOfOrder',
  'redelivered',
  'refused',
  /** Delivered with another content than was sent. */
  'corrupted',
  /** Receipted before they were delivered. */
  'receiptedEarly',
  /** Receipted or delivered, though ACCEPTED was never seen: that the server held them only follows from it. */
  'impliedAccepted',
  /** Sender or recipient was away on purpose between due and delivery: that time was taken off the latency. */
  'awayAdjusted',
  /** Deliveries of what an earlier run has left in a mailbox. */
  'leftOver',
  /** Messages to groups, each counted once. All other counts have one for each recipient. */
  'toGroups',
] as const;

export type LedgerCounts = Record<(typeof LEDGER_COUNTS)[number], number>;

/** An account of messages, exact; one to a group counts once for each that it is for. */
export type LedgerTotals = LedgerCounts & {
  lost: number;
  /** Of those lost, the ones that the server had accepted. */
  acceptedNotDelivered: number;
  deliveredNotReceipted: number;
  unsent: number;
  /** Of those unsent, what a connected sender could not hand over before the run ended: the server took no more of it. */
  heldBack: number;
  /** Refused, and delivered all the same: a repetition of an accepted message may be refused by a server in trouble. */
  refusedAndDelivered: number;
};

/** Every count, as `of` gives it. */
export function ledgerCounts(of: (name: keyof LedgerCounts) => number): LedgerCounts {
  return Object.fromEntries(LEDGER_COUNTS.map((name) => [name, of(name)])) as LedgerCounts;
}

export function noCounts(): LedgerCounts {
  return ledgerCounts(() => 0);
}

/** The sum of two accounts, count by count. */
export function addCounts<Counts extends Record<keyof Counts, number>>(one: Counts, other: Counts): Counts {
  const sum = { ...one };
  for (const name of Object.keys(one) as (keyof Counts)[])
    sum[name] = (one[name] + other[name]) as Counts[keyof Counts];
  return sum;
}

/**
 * Exact account of every message: each client numbers its messages 1, 2, 3 …, and each of them is for all recipients of
 * that client, who live in this agent as well. A flow is what one client sends to one of its recipients; everything is
 * counted by flow, so a message to twenty counts as twenty.
 */
export class Ledger {
  readonly #recipients: number;
  /** Highest sequence that fell due, by sender. */
  readonly #due: Uint32Array;
  /** Highest sequence that was seen, by flow. The kernel gives memory only to pages that are written, so silent flows are free. */
  readonly #seen: Uint32Array;
  /** The value of `#seen` when the recipient connected last: up to there the server may deliver again. */
  readonly #seenBefore: Uint32Array;
  /** How often messages from before it have come on the present connection. */
  readonly #onThisConnection = new SequenceCounts();
  /** Sequences below the highest that have not come. */
  readonly #missing = new SequenceSets();
  readonly #refused = new SequenceSets();
  /** How often each was sent again to a server that does not recognise repetitions: it holds that many more copies. */
  readonly #sentAgain = new SequenceCounts();
  /** Receipts that came before the message. */
  readonly #early = new SequenceSets();
  sent = 0;
  accepted = 0;
  delivered = 0;
  receipted = 0;
  duplicated = 0;
  outOfOrder = 0;
  redelivered = 0;
  refused = 0;
  corrupted = 0;
  receiptedEarly = 0;
  impliedAccepted = 0;
  awayAdjusted = 0;
  leftOver = 0;
  toGroups = 0;
  /** Deliveries that nobody sent: counted as duplicated. */
  foreign = 0;

  /** @param recipients most that one client has; flow = sender × recipients + the recipient's number, from 0 */
  constructor(clients: number, recipients = 1) {
    this.#recipients = recipients;
    this.#due = new Uint32Array(clients);
    this.#seen = new Uint32Array(clients * recipients);
    this.#seenBefore = new Uint32Array(clients * recipients);
  }

  /** Numbers the next message of a client. */
  nextSequence(sender: number): number {
    const sequence = (this.#due[sender] as number) + 1;
    this.#due[sender] = sequence;
    return sequence;
  }

  refuse(flow: number, sequence: number): void {
    if (this.#refused.add(flow, sequence)) this.refused += 1;
  }

  hasRefused(flow: number, sequence: number): boolean {
    return this.#refused.has(flow, sequence);
  }

  /** The recipient has a new connection: what it had may be delivered once more. */
  reconnected(flow: number): void {
    const seen = this.#seen[flow] as number;
    if (seen === 0) return;
    this.#seenBefore[flow] = seen;
    this.#onThisConnection.forget(flow);
  }

  /** A message is written once more, and the server takes it for another one. */
  sentAgain(flow: number, sequence: number): void {
    this.#sentAgain.add(flow, sequence);
  }

  /** Whether a message has reached its recipient. */
  hasSeen(flow: number, sequence: number): boolean {
    return sequence <= (this.#seen[flow] as number) && !this.#missing.has(flow, sequence);
  }

  /** Hot path. Enters a delivery and says what it was. */
  deliver(flow: number, sequence: number, mayBeAgain: boolean): Delivery {
    const next = (this.#seen[flow] as number) + 1;
    if (sequence < 1 || sequence > (this.#due[Math.floor(flow / this.#recipients)] as number))
      return this.deliverForeign();
    if (sequence >= next) {
      for (let missing = next; missing < sequence; missing += 1) this.#missing.add(flow, missing);
      this.#seen[flow] = sequence;
      this.delivered += 1;
      return 'first';
    }
    if (this.#missing.delete(flow, sequence)) {
      this.delivered += 1;
      // Also where it was refused before: a server that delivers it later than its successor has changed the order.
      this.outOfOrder += 1;
      if (sequence <= (this.#seenBefore[flow] as number)) this.#onThisConnection.add(flow, sequence);
      return 'late';
    }
    if (mayBeAgain && this.#mayComeAgain(flow, sequence)) {
      this.redelivered += 1;
      return 'redelivered';
    }
    this.duplicated += 1;
    return 'duplicated';
  }

  /** Enters a delivery of what nobody has sent. */
  deliverForeign(): Delivery {
    this.foreign += 1;
    this.duplicated += 1;
    return 'foreign';
  }

  /** Enters the receipt of a recipient. @returns false where that has yet to get the message */
  receipt(flow: number, sequence: number): boolean {
    this.receipted += 1;
    if (this.hasSeen(flow, sequence)) return true;
    if (this.#early.add(flow, sequence)) this.receiptedEarly += 1;
    return false;
  }

  /** Hot path. Whether the receipt of a message that has come just now was here before it. */
  takeEarlyReceipt(flow: number, sequence: number): boolean {
    return this.#early.delete(flow, sequence);
  }

  counts(): LedgerCounts {
    return ledgerCounts((name) => this[name]);
  }

  /** @param open counts of the messages that are still in the outbox */
  totals(
    open: Pick<
      LedgerTotals,
      'unsent' | 'heldBack' | 'acceptedNotDelivered' | 'deliveredNotReceipted' | 'impliedAccepted'
    >,
  ): LedgerTotals {
    const refusedAndUnseen = this.#refusedAndUnseen();
    return {
      ...this.counts(),
      ...open,
      impliedAccepted: this.impliedAccepted + open.impliedAccepted,
      lost: Math.max(0, this.sent - this.delivered - refusedAndUnseen),
      refusedAndDelivered: this.refused - refusedAndUnseen,
    };
  }

  /**
   * A server may deliver each copy that it holds once a connection. It holds one copy of a message, and another one for each time that
   * the message was sent again to a server that does not recognise repetitions.
   */
  #mayComeAgain(flow: number, sequence: number): boolean {
    const cameFirst = sequence > (this.#seenBefore[flow] as number) ? 1 : 0;
    const came = cameFirst + this.#onThisConnection.of(flow, sequence);
    if (came > this.#sentAgain.of(flow, sequence)) return false;
    this.#onThisConnection.add(flow, sequence);
    return true;
  }

  /** Refused messages that were not delivered all the same. */
  #refusedAndUnseen(): number {
    let count = 0;
    for (const [flow, sequence] of this.#refused.entries()) if (!this.hasSeen(flow, sequence)) count += 1;
    return count;
  }
}
