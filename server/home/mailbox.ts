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
  /** Of what was sent and not acknowledged, the newest, at hand. */
  recent: ItemQueue | undefined;
  /** When it was last listed among those with something at hand. */
  listedAt = -1;
  /** By sender and by group, those that were asked for since the mailbox was last looked up. */
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

/** Sequences have 32 bits: an empty mailbox whose user comes anew may count from 1 again before they run out. */
export const RENEW_FROM = 0x8000_0000;

export function beginAnew(mailbox: Mailbox): void {
  if (mailbox.lastSequence < RENEW_FROM) return;
  mailbox.lastSequence = 0;
  mailbox.promisedSequence = 0;
  mailbox.sentSequence = 0;
  mailbox.highestSent = 0;
  mailbox.acknowledged = 0;
}

/** An empty mailbox of which nothing is known any more goes on behind what its user has had. */
export function countOnFrom(mailbox: Mailbox, sequence: number): void {
  mailbox.lastSequence = sequence;
  mailbox.promisedSequence = sequence;
  mailbox.sentSequence = sequence;
  mailbox.highestSent = sequence;
  mailbox.acknowledged = sequence;
}
