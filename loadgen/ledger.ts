import type { LedgerTotals } from './agent-messages.js';

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
] as const;

/**
 * Exact account of every message: the flow from a client to its partner numbers its messages 1, 2, 3 …, and
 * both ends live in this agent. A flow is named by its sender's index.
 */
export class Ledger {
  /** Highest sequence that fell due, by flow. */
  readonly #due: Uint32Array;
  /** Lowest sequence above all that were seen, by flow. */
  readonly #next: Uint32Array;
  /** Sequences below `#next` that were not seen: few in a right server, so kept only where there are any. */
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
  /** Deliveries that nobody sent: counted as duplicated. */
  foreign = 0;

  constructor(clients: number) {
    this.#due = new Uint32Array(clients);
    this.#next = new Uint32Array(clients).fill(1);
  }

  /** Numbers the next message of a flow. */
  nextSequence(flow: number): number {
    const sequence = (this.#due[flow] as number) + 1;
    this.#due[flow] = sequence;
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
    const next = this.#next[flow] as number;
    if (sequence < 1 || sequence > (this.#due[flow] as number)) {
      this.foreign += 1;
      this.duplicated += 1;
      return 'foreign';
    }
    if (sequence >= next) {
      if (sequence > next) this.#miss(flow, next, sequence);
      this.#next[flow] = sequence + 1;
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

  /** @param unsent messages that fell due and were never handed to a socket */
  totals(unsent: number): LedgerTotals {
    return {
      sent: this.sent,
      accepted: this.accepted,
      delivered: this.delivered,
      receipted: this.receipted,
      lost: Math.max(0, this.sent - this.delivered - this.#refusedAndUnseen()),
      duplicated: this.duplicated,
      outOfOrder: this.outOfOrder,
      redelivered: this.redelivered,
      refused: this.refused,
      unsent,
    };
  }

  /** Refused messages that were not delivered all the same. */
  #refusedAndUnseen(): number {
    let count = 0;
    for (const [flow, sequences] of this.#refused) {
      for (const sequence of sequences) {
        const isUnseen = sequence >= (this.#next[flow] as number) || this.#missing.get(flow)?.has(sequence);
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
