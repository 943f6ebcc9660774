/** What a delivery was to the ledger. */
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
  /** Deliveries of what an earlier run has left in a mailbox. */
  'leftOver',
  /** Messages to groups, each of them once; all others count once for each recipient. */
  'toGroups',
] as const;

export type LedgerCounts = Record<(typeof LEDGER_COUNTS)[number], number>;

/** An account of messages, exact; one to a group counts once for each that it is for. */
export type LedgerTotals = LedgerCounts & {
  lost: number;
  unsent: number;
  /** Of those refused, the ones that were delivered all the same: a repetition met a server that could not answer. */
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
  /** Highest sequence that was seen, by flow; memory that nothing was seen in stays the kernel's. */
  readonly #seen: Uint32Array;
  /** Sequences below those that were not seen: few in a right server, so kept only where there are any. */
  readonly #missing = new Map<number, Set<number>>();
  readonly #refused = new Map<number, Set<number>>();
  sent = 0;
  accepted = 0;
  delivered = 0;
  receipted = 0;
  duplicated = 0;
  outOfOrder = 0;
  redelivered = 0;
  refused = 0;
  leftOver = 0;
  toGroups = 0;
  /** Deliveries that nobody sent: counted as duplicated. */
  foreign = 0;

  /** @param recipients most that one client has; flow = sender × recipients + the recipient's number, from 0 */
  constructor(clients: number, recipients = 1) {
    this.#recipients = recipients;
    this.#due = new Uint32Array(clients);
    this.#seen = new Uint32Array(clients * recipients);
  }

  /** Numbers the next message of a client. */
  nextSequence(sender: number): number {
    const sequence = (this.#due[sender] as number) + 1;
    this.#due[sender] = sequence;
    return sequence;
  }

  refuse(flow: number, sequence: number): void {
    let refused = this.#refused.get(flow);
    if (!refused) {
      refused = new Set();
      this.#refused.set(flow, refused);
    }
    if (refused.has(sequence)) return;
    refused.add(sequence);
    this.refused += 1;
  }

  /** Hot path. Enters a delivery and says what it was. */
  deliver(flow: number, sequence: number, isRedelivery: boolean): Delivery {
    const next = (this.#seen[flow] as number) + 1;
    if (sequence < 1 || sequence > (this.#due[Math.floor(flow / this.#recipients)] as number))
      return this.deliverForeign();
    if (sequence >= next) {
      if (sequence > next) this.#miss(flow, next, sequence);
      this.#seen[flow] = sequence;
      this.delivered += 1;
      return 'first';
    }
    if (this.#missing.get(flow)?.delete(sequence)) {
      this.delivered += 1;
      // Numbers that were refused leave no hole that a later one could have overtaken.
      this.outOfOrder += 1;
      return 'late';
    }
    if (isRedelivery) {
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

  counts(): LedgerCounts {
    return ledgerCounts((name) => this[name]);
  }

  /** @param unsent messages that fell due and were never handed to a socket */
  totals(unsent: number): LedgerTotals {
    const refusedAndUnseen = this.#refusedAndUnseen();
    return {
      ...this.counts(),
      lost: Math.max(0, this.sent - this.delivered - refusedAndUnseen),
      unsent,
      refusedAndDelivered: this.refused - refusedAndUnseen,
    };
  }

  /** Refused messages that were not delivered all the same. */
  #refusedAndUnseen(): number {
    let count = 0;
    for (const [flow, sequences] of this.#refused) {
      for (const sequence of sequences) {
        const isUnseen = sequence > (this.#seen[flow] as number) || this.#missing.get(flow)?.has(sequence);
        if (isUnseen) count += 1;
      }
    }
    return count;
  }

  #miss(flow: number, from: number, to: number): void {
    let missing = this.#missing.get(flow);
    if (!missing) {
      missing = new Set();
      this.#missing.set(flow, missing);
    }
    for (let sequence = from; sequence < to; sequence += 1) missing.add(sequence);
  }
}
