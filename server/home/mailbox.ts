import type { DeduplicationWindow } from './deduplication-window.js';
import type { ItemQueue } from './item-queue.js';

/** What a home knows of the mailbox of one user, connected or not. */
export class Mailbox {
  readonly user: number;
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
  /** The newest items in memory, so that delivering and acknowledging them reads nothing from the store. */
  recent: ItemQueue | undefined;
  /** When it was last entered in the list of mailboxes that have items in memory. */
  listedAt = -1;
  /** Windows in memory by sender and by group; others are read from the store when they are needed. */
  windows: Map<number, DeduplicationWindow> | undefined;
  groupWindows: Map<number, DeduplicationWindow> | undefined;

  constructor(user: number) {
    this.user = user;
  }

  /** Items that are not acknowledged. */
  get length(): number {
    return this.lastSequence - this.acknowledged;
  }
}

/** Sequences have 32 bits. From here on an empty mailbox counts from 1 again when its user logs in. */
export const RENEW_FROM = 0x8000_0000;

export function beginAnew(mailbox: Mailbox): void {
  if (mailbox.lastSequence < RENEW_FROM) return;
  mailbox.lastSequence = 0;
  mailbox.promisedSequence = 0;
  mailbox.sentSequence = 0;
  mailbox.highestSent = 0;
  mailbox.acknowledged = 0;
}

/**
 * Gives an empty mailbox a place to count on from: nothing is known of it any more, and its user has had items up to
 * `sequence`.
 */
export function countOnFrom(mailbox: Mailbox, sequence: number): void {
  mailbox.lastSequence = sequence;
  mailbox.promisedSequence = sequence;
  mailbox.sentSequence = sequence;
  mailbox.highestSent = sequence;
  mailbox.acknowledged = sequence;
}
